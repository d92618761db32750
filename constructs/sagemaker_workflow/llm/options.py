"""The options of a machine as variables of the server's image. Names: contracts 11.2 to 11.4."""

from __future__ import annotations

from sagemaker_workflow.llm.architecture import Architecture
from sagemaker_workflow.llm.fit import BEFORE_AMPERE, family, weights_gib
from sagemaker_workflow.llm.image import Server
from sagemaker_workflow.llm.spec import HubWeights, LlmServing

MODEL_FOLDER = "/opt/ml/model"
LONGEST_SECONDS = 3600
# Reading weights from S3 or from disk at 100 MB/s: what a small type may be held to.
_SECONDS_PER_GIB = 10
_START_SECONDS = 600
_SECONDS_PER_GPU = 30
_SHORT = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def dtype_on(instance_type: str, serving: LlmServing) -> str:
    """What is computed in on this type: the 16 bits it has when weights are quantised."""
    if serving.dtype == "float32":
        return "float32"
    if serving.dtype == "float16" or family(instance_type) in BEFORE_AMPERE:
        return "float16"
    return "bfloat16"


def startup_seconds(architecture: Architecture, serving: LlmServing, ways: int) -> int:
    """How long the container may take: it loads the weights, and each GPU has to be set up."""
    load = weights_gib(architecture, serving) * _SECONDS_PER_GIB
    return min(LONGEST_SECONDS, round(_START_SECONDS + load + ways * _SECONDS_PER_GPU))


def download_seconds(architecture: Architecture, serving: LlmServing) -> int:
    load = weights_gib(architecture, serving) * _SECONDS_PER_GIB
    return min(LONGEST_SECONDS, round(_START_SECONDS / 2 + load))


def fixed(server: Server, weights: object, serving: LlmServing) -> dict[str, str]:
    """The variables that are the same on every machine."""
    if server == "vllm":
        variables = {
            "SM_VLLM_HOST": "0.0.0.0",  # noqa: S104 the container's only door; some versions bind to localhost
            "SM_VLLM_MAX_MODEL_LEN": str(serving.max_model_len),
            "SM_VLLM_MAX_NUM_SEQS": str(serving.concurrency),
            "SM_VLLM_GPU_MEMORY_UTILIZATION": f"{serving.memory_share:g}",
        }
        if serving.dtype == "fp8":
            variables["SM_VLLM_QUANTIZATION"] = "fp8"
        if serving.kv_cache == "fp8":
            variables["SM_VLLM_KV_CACHE_DTYPE"] = "fp8"
        if isinstance(weights, HubWeights):
            variables["SM_VLLM_MODEL"] = weights.model
            variables["SM_VLLM_REVISION"] = weights.revision
            if weights.token is not None:
                variables["HF_TOKEN_SECRET_ARN"] = weights.token.secret_arn
        return variables
    variables = {
        "HF_MODEL_ID": MODEL_FOLDER,
        "OPTION_MAX_MODEL_LEN": str(serving.max_model_len),
        "MAX_BATCH_SIZE": str(serving.concurrency),
        "OPTION_GPU_MEMORY_UTILIZATION": f"{serving.memory_share:g}",
    }
    if server == "tensorrt-llm":
        variables |= {
            "OPTION_ROLLING_BATCH": "trtllm",
            "OPTION_MPI_MODE": "true",
            "OPTION_MAX_NUM_TOKENS": str(serving.max_model_len),
        }
        del variables["OPTION_GPU_MEMORY_UTILIZATION"]
    if serving.dtype == "fp8":
        variables["OPTION_QUANTIZE"] = "fp8"
    if serving.kv_cache == "fp8":
        variables["OPTION_KV_CACHE_DTYPE"] = "fp8"
    return variables


def on_machine(server: Server, ways: int, dtype: str) -> dict[str, str]:
    """The variables that depend on the machine."""
    if server == "vllm":
        return {"SM_VLLM_TENSOR_PARALLEL_SIZE": str(ways), "SM_VLLM_DTYPE": dtype}
    return {"TENSOR_PARALLEL_DEGREE": str(ways), "OPTION_DTYPE": _SHORT[dtype]}
