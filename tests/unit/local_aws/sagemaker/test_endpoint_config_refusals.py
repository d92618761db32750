"""What CreateEndpointConfig refuses; each test makes the good case first."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

ASYNC = {"OutputConfig": {"S3OutputPath": "s3://out/async/"}}


def _serverless(aws: Aws, **changes: Any) -> dict[str, Any]:
    config = {"MemorySizeInMB": 2048, "MaxConcurrency": 5} | changes
    return aws.variant(ServerlessConfig=config, InstanceType=None, InitialInstanceCount=None)


def _refused(aws: Aws, *variants: dict[str, Any], **rest: Any) -> str:
    error = aws.refusal(
        "CreateEndpointConfig", EndpointConfigName="bad", ProductionVariants=list(variants), **rest
    )
    assert error.code == "ValidationException"
    return error.message


def test_refuses_a_second_configuration_of_the_same_name(aws: Aws) -> None:
    """contracts.md, refusals: second config with the same name."""
    aws.model()
    aws.config("good")
    error = aws.refusal(
        "CreateEndpointConfig", EndpointConfigName="good", ProductionVariants=[aws.variant()]
    )
    assert "Cannot create already existing endpoint configuration" in error.message


def test_refuses_a_model_that_does_not_exist(aws: Aws) -> None:
    aws.model()
    aws.config("good")
    assert 'Could not find model "' in _refused(aws, aws.variant(ModelName="nobody"))


def test_refuses_an_unknown_instance_type(aws: Aws) -> None:
    """botocore: ProductionVariantInstanceType is an enumeration."""
    aws.model()
    aws.config("good")
    assert "instanceType" in _refused(aws, aws.variant(InstanceType="ml.m5.tiny"))


def test_takes_pools_in_the_place_of_a_type_and_refuses_both(aws: Aws) -> None:
    """Guide, "Deploy to multiple instance types": InstancePools replaces InstanceType."""
    aws.model()
    kinds = ["ml.m5.xlarge", "ml.c5.xlarge"]
    pools = [{"InstanceType": one, "Priority": n} for n, one in enumerate(kinds, start=1)]
    variant = aws.variant(InstanceType=None, InstancePools=pools)
    aws.call("CreateEndpointConfig", EndpointConfigName="good", ProductionVariants=[variant])
    both = _refused(aws, aws.variant(InstancePools=pools))
    assert "needs InstanceType and InitialInstanceCount" in both


def test_refuses_a_variant_without_instances(aws: Aws) -> None:
    aws.model()
    aws.config("good")
    message = _refused(aws, aws.variant(InstanceType=None))
    assert "needs InstanceType and InitialInstanceCount" in message


def test_refuses_two_variants_of_one_name(aws: Aws) -> None:
    aws.model()
    aws.config("good", aws.variant(), aws.variant(VariantName="other"))
    assert "must be unique" in _refused(aws, aws.variant(), aws.variant())


@pytest.mark.parametrize(
    "field", [{"InstanceType": "ml.m5.large"}, {"InitialInstanceCount": 1}, {"VolumeSizeInGB": 10}]
)
def test_refuses_instance_fields_on_a_serverless_variant(aws: Aws, field: dict[str, Any]) -> None:
    """contracts.md 4: no InstanceType or InitialInstanceCount."""
    aws.model()
    aws.config("good", _serverless(aws))
    assert next(iter(field)) in _refused(aws, _serverless(aws) | field)


@pytest.mark.parametrize("memory", [512, 1025, 7168])
def test_refuses_serverless_memory_out_of_range(aws: Aws, memory: int) -> None:
    """contracts.md 4: 1024, 2048, 3072, 4096, 5120 or 6144."""
    aws.model()
    aws.config("good", _serverless(aws, MemorySizeInMB=1024))
    assert str(memory) in _refused(aws, _serverless(aws, MemorySizeInMB=memory))


def test_refuses_serverless_concurrency_out_of_range(aws: Aws) -> None:
    """contracts.md 4: MaxConcurrency 1..200."""
    aws.model()
    aws.config("good", _serverless(aws, MaxConcurrency=200))
    assert "201" in _refused(aws, _serverless(aws, MaxConcurrency=201))


def test_refuses_more_provisioned_than_maximum_concurrency(aws: Aws) -> None:
    """contracts.md 4: ProvisionedConcurrency <= MaxConcurrency."""
    aws.model()
    aws.config("good", _serverless(aws, ProvisionedConcurrency=5))
    assert "must not exceed" in _refused(aws, _serverless(aws, ProvisionedConcurrency=6))


def test_refuses_serverless_with_capture(aws: Aws) -> None:
    """contracts.md 4: data capture is unsupported."""
    aws.model()
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://out/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    aws.config("good", DataCaptureConfig=capture)
    assert "DataCaptureConfig" in _refused(aws, _serverless(aws), DataCaptureConfig=capture)


def test_refuses_serverless_with_two_variants(aws: Aws) -> None:
    """contracts.md 4: multiple variants are unsupported."""
    aws.model()
    aws.config("good", _serverless(aws))
    second = _serverless(aws) | {"VariantName": "second"}
    assert "one production variant, got 2" in _refused(aws, _serverless(aws), second)


def test_refuses_a_serverless_model_with_a_data_source(aws: Aws) -> None:
    """contracts.md 2.1: ModelDataSource does not work with serverless."""
    source = {"S3Uri": aws.model_data, "S3DataType": "S3Object", "CompressionType": "Gzip"}
    aws.model("sourced", ModelDataUrl=None, ModelDataSource={"S3DataSource": source})
    aws.config("good", aws.variant(ModelName="sourced"))
    assert "ModelDataSource" in _refused(aws, _serverless(aws) | {"ModelName": "sourced"})


def test_refuses_a_serverless_model_in_a_vpc(aws: Aws) -> None:
    """contracts.md 4: VPC and network isolation are unsupported."""
    aws.call(
        "CreateModel",
        ModelName="private",
        ExecutionRoleArn=aws.role,
        PrimaryContainer={"Image": aws.image, "ModelDataUrl": aws.model_data},
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        EnableNetworkIsolation=True,
    )
    aws.config("good", aws.variant(ModelName="private"))
    message = _refused(aws, _serverless(aws) | {"ModelName": "private"})
    assert "VpcConfig" in message
    assert "network isolation" in message


def test_refuses_a_gpu_image_on_a_serverless_endpoint(aws: Aws) -> None:
    """contracts.md 4: no GPU."""
    gpu = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312"
    aws.model("gpu", Image=gpu)
    aws.config("good", aws.variant(ModelName="gpu", InstanceType="ml.g4dn.xlarge"))
    assert "no GPU" in _refused(aws, _serverless(aws) | {"ModelName": "gpu"})


def test_refuses_an_async_endpoint_with_two_variants(aws: Aws) -> None:
    """contracts.md, refusals; one variant is what the guide shows."""
    aws.model()
    aws.config("good", AsyncInferenceConfig=ASYNC)
    second = aws.variant(VariantName="second")
    message = _refused(aws, aws.variant(), second, AsyncInferenceConfig=ASYNC)
    assert "one production variant" in message


def test_refuses_an_async_endpoint_with_inference_components(aws: Aws) -> None:
    """contracts.md, refusals: async endpoint with inference components."""
    aws.model()
    aws.config("good", AsyncInferenceConfig=ASYNC)
    message = _refused(aws, aws.variant(ModelName=None), AsyncInferenceConfig=ASYNC)
    assert "does not support inference components" in message


def test_refuses_to_delete_a_configuration_in_use(aws: Aws) -> None:
    """API, UpdateEndpoint: an EndpointConfig in use by a live endpoint must not be deleted."""
    aws.endpoint("flights")
    error = aws.refusal("DeleteEndpointConfig", EndpointConfigName="flights-1")
    assert "used by endpoint flights" in error.message
    aws.call("DeleteEndpoint", EndpointName="flights")
    aws.eventually(lambda: not aws.call("ListEndpoints")["Endpoints"])
    aws.call("DeleteEndpointConfig", EndpointConfigName="flights-1")
