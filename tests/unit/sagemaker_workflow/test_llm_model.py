"""What an LlmModel makes and grants, and the arithmetic behind its refusals."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match, Template
from support.templates import allowed, only

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import Instances, RealtimeEndpoint
from sagemaker_workflow.endpoints.components import ComponentEndpoint
from sagemaker_workflow.llm import (
    HubWeights,
    LlmImage,
    LlmModel,
    LlmServing,
    fit,
    known_architectures,
)
from sagemaker_workflow.model_data import ModelData

QWEN, LLAMA = "Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.2-1B-Instruct"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-AbCdEf"


@pytest.fixture
def own(stack: Stack) -> LlmImage:
    repository = ecr.Repository.from_repository_name(stack, "Repository", "vllm")
    return LlmImage.own(ContainerImage.from_repository(repository, "1"))


def llm(stack: Stack, bucket: s3.IBucket, server: Any = "vllm", **options: Any) -> LlmModel:
    return LlmModel(
        stack,
        "Chat",
        **{
            "weights": ModelData.from_prefix(bucket, "qwen/"),
            "image": LlmImage.managed(server, region="us-east-1"),
            "architecture": QWEN,
            "capacity": Instances(instance_type="ml.g5.2xlarge", count=1),
            **options,
        },
    )


def environment(stack: Stack) -> dict[str, Any]:
    container = only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    return dict(container["Environment"])


def test_serves_a_prefix_isolated_on_the_ami_its_cuda_needs(
    stack: Stack, bucket: s3.IBucket
) -> None:
    """contracts 3.3: without the AMI an image on CUDA 13 fails and logs nothing."""
    model = llm(stack, bucket)
    RealtimeEndpoint(stack, "Endpoint", model=model, capacity=model.capacity)
    assert only(stack, "AWS::SageMaker::Model")["Properties"]["EnableNetworkIsolation"] is True
    config = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]
    assert config["ProductionVariants"][0]["InferenceAmiVersion"] == (
        "al2023-ami-sagemaker-inference-gpu-4-1"
    )
    assert environment(stack) == {
        "SM_VLLM_HOST": "0.0.0.0",  # noqa: S104
        "SM_VLLM_MAX_MODEL_LEN": "4096",
        "SM_VLLM_MAX_NUM_SEQS": "8",
        "SM_VLLM_GPU_MEMORY_UTILIZATION": "0.9",
        "SM_VLLM_TENSOR_PARALLEL_SIZE": "1",
        "SM_VLLM_DTYPE": "bfloat16",
    }


@pytest.mark.parametrize(
    ("server", "more"),
    [
        ("lmi", {"OPTION_GPU_MEMORY_UTILIZATION": "0.9"}),
        (
            "tensorrt-llm",
            {
                "OPTION_ROLLING_BATCH": "trtllm",
                "OPTION_MPI_MODE": "true",
                "OPTION_MAX_NUM_TOKENS": "4096",
            },
        ),
    ],
)
def test_speaks_to_djl_in_its_own_words(
    stack: Stack, bucket: s3.IBucket, server: str, more: dict[str, str]
) -> None:
    """contracts 11.3 and 11.4."""
    llm(stack, bucket, server)
    assert environment(stack) == {
        "HF_MODEL_ID": "/opt/ml/model",
        "OPTION_MAX_MODEL_LEN": "4096",
        "MAX_BATCH_SIZE": "8",
        "TENSOR_PARALLEL_DEGREE": "1",
        "OPTION_DTYPE": "bf16",
        **more,
    }


def test_an_override_of_the_type_brings_its_options_with_it(
    stack: Stack, bucket: s3.IBucket
) -> None:
    types = ["ml.g5.2xlarge", "ml.g5.12xlarge", "ml.g4dn.12xlarge"]
    chosen = CfnParameter(stack, "InstanceType", default=types[0]).value_as_string
    llm(stack, bucket, capacity=Instances(instance_type=chosen, allowed_types=types, count=1))
    [table] = Template.from_stack(stack).to_json()["Mappings"].values()
    found = {
        one: (row["SmVllmTensorParallelSize"], row["SmVllmDtype"]) for one, row in table.items()
    }
    assert found == {
        "ml.g5.2xlarge": ("1", "bfloat16"),
        "ml.g5.12xlarge": ("4", "bfloat16"),
        "ml.g4dn.12xlarge": ("4", "float16"),
    }
    looked_up = environment(stack)["SM_VLLM_TENSOR_PARALLEL_SIZE"]["Fn::FindInMap"]
    assert looked_up[1:] == [{"Ref": "InstanceType"}, "SmVllmTensorParallelSize"]


def test_a_licence_is_accepted_where_the_weights_are(stack: Stack, bucket: s3.IBucket) -> None:
    llm(stack, bucket, architecture=LLAMA, accept_eula=True)
    container = only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    source = container["ModelDataSource"]["S3DataSource"]
    assert source["ModelAccessConfig"] == {"AcceptEula": True}


def test_weights_from_the_hub_read_one_secret_and_nothing_else(
    stack: Stack, bucket: s3.IBucket, own: LlmImage
) -> None:
    token = secretsmanager.Secret.from_secret_complete_arn(stack, "Token", SECRET)
    hub = HubWeights(model=LLAMA, revision="a" * 40, because="not mirrored yet", token=token)
    llm(stack, bucket, image=own, weights=hub, architecture=LLAMA)
    assert allowed(stack, "secretsmanager:GetSecretValue") == [SECRET]
    assert allowed(stack, "s3:GetObject") == []
    made = environment(stack)
    assert made["HF_TOKEN_SECRET_ARN"] == SECRET
    assert "HF_TOKEN" not in made
    assert only(stack, "AWS::SageMaker::Model")["Properties"]["EnableNetworkIsolation"] is False


def test_says_that_an_unknown_machine_was_not_checked(stack: Stack, bucket: s3.IBucket) -> None:
    llm(
        stack,
        bucket,
        capacity=Instances(instance_type="ml.g6e.2xlarge", count=1),
        serving=LlmServing(tensor_parallel=1),
    )
    Annotations.from_stack(stack).has_warning(
        "*", Match.string_like_regexp("ml.g6e.2xlarge: the GPU memory is not known here")
    )


def test_a_copy_on_a_shared_endpoint_has_gpus_of_its_own(
    stack: Stack, bucket: s3.IBucket, own: LlmImage
) -> None:
    machines = Instances(instance_type="ml.g5.12xlarge", count=1)
    endpoint = ComponentEndpoint(stack, "Models", name="models", capacity=machines)
    model = llm(stack, bucket, image=own, capacity=machines, accelerators=2, role=endpoint.role)
    endpoint.add_component("chat", model=model, each=model.copy(memory_mb=16384))
    assert environment(stack)["SM_VLLM_TENSOR_PARALLEL_SIZE"] == "2"
    made = only(stack, "AWS::SageMaker::InferenceComponent")["Properties"]["Specification"]
    assert made["ComputeResourceRequirements"] == {
        "MinMemoryRequiredInMb": 16384,
        "NumberOfAcceleratorDevicesRequired": 2,
    }


@pytest.mark.parametrize(
    ("name", "hidden", "inner", "vocabulary", "biased", "tied"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", 896, 4864, 151936, True, True),
        (QWEN, 3584, 18944, 152064, True, False),
        ("mistralai/Mistral-7B-Instruct-v0.3", 4096, 14336, 32768, False, False),
        (LLAMA, 2048, 8192, 128256, False, True),
        ("meta-llama/Llama-3.1-8B-Instruct", 4096, 14336, 128256, False, False),
        ("meta-llama/Llama-3.1-70B-Instruct", 8192, 28672, 128256, False, False),
    ],
)
def test_a_locked_shape_has_the_parameters_its_layers_add_up_to(
    name: str, hidden: int, inner: int, vocabulary: int, biased: bool, tied: bool
) -> None:
    """Grouped-query attention and a gated MLP: the sum has to be what the hub says it is."""
    shape = known_architectures()[name]
    query, kv = shape.attention_heads * shape.head_size, shape.kv_heads * shape.head_size
    attention = hidden * (query + 2 * kv) + query * hidden + biased * (query + 2 * kv)
    layer = attention + 3 * hidden * inner + 2 * hidden
    embeddings = vocabulary * hidden * (1 if tied else 2)
    assert shape.layers * layer + embeddings + hidden == shape.parameters


@pytest.mark.parametrize(
    ("dtype", "kv_cache", "weights", "cache"),
    [
        ("bfloat16", "auto", 14.19, 1.75),
        ("fp8", "auto", 7.09, 1.75),
        ("int4", "fp8", 3.55, 0.875),
        ("float32", "auto", 28.37, 3.5),
    ],
)
def test_precision_decides_what_weights_and_cache_take(
    dtype: Any, kv_cache: Any, weights: float, cache: float
) -> None:
    serving = LlmServing(dtype=dtype, kv_cache=kv_cache)
    found = fit("ml.g5.2xlarge", known_architectures()[QWEN], serving)
    assert found is not None
    assert found.weights == pytest.approx(weights, abs=0.01)
    assert found.kv_cache == pytest.approx(cache, abs=0.01)


def test_a_model_is_split_over_as_many_gpus_as_its_heads_allow() -> None:
    falcon = known_architectures()["tiiuae/falcon-7b-instruct"]  # 71 heads
    found = fit("ml.g5.12xlarge", falcon, LlmServing(max_model_len=2048))
    assert found is not None
    assert found.tensor_parallel == 1
