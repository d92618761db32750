"""What is refused of language models, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.endpoints import Instances
from sagemaker_workflow.llm import (
    Architecture,
    HubWeights,
    LlmImage,
    LlmModel,
    LlmServing,
    known_architectures,
)

Refused = tuple[Callable[[Any], Any], str]
FALCON, QWEN = "tiiuae/falcon-40b-instruct", "Qwen/Qwen2.5-0.5B-Instruct"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL = "ml.g5.2xlarge"


def _hub(**changed: Any) -> HubWeights:
    return HubWeights(**{"model": QWEN, "revision": COMMIT, "because": "a public model", **changed})


def _on(*types: str) -> dict[str, Any]:
    return {"capacity": Instances(instance_type=types[0], allowed_types=types)}


REFUSED: dict[str, Refused] = {
    "Falcon-40B in bfloat16 on one A10G": (
        lambda given: {"architecture": FALCON, "serving": LlmServing(max_model_len=2048)},
        f"{FALCON} in bfloat16 does not fit {SMALL}: 41.3 billion parameters x 2 bytes = 76.9 GiB,"
        " KV cache of 8 x 2048 tokens x 120 KiB = 1.9 GiB, over 1 GPU with 1 GiB overhead each:"
        " 79.8 GiB per GPU, and 90% of its 24.0 GiB are 21.6; choose ml.g5.12xlarge, the smallest"
        " that fits, fewer or shorter requests, or a smaller dtype",
    ),
    "a type an override may choose that is too small": (
        lambda given: {
            **_on("ml.g5.12xlarge", "ml.g4dn.xlarge"),
            "architecture": "Qwen/Qwen2.5-7B-Instruct",
        },
        "Qwen/Qwen2.5-7B-Instruct in bfloat16 does not fit ml.g4dn.xlarge: 7.6 billion parameters"
        " x 2 bytes = 14.2 GiB, KV cache of 8 x 4096 tokens x 56 KiB = 1.8 GiB, over 1 GPU with 1"
        " GiB overhead each: 16.9 GiB per GPU, and 90% of its 16.0 GiB are 14.4; choose"
        " ml.g5.xlarge, the smallest that fits, fewer or shorter requests, or a smaller dtype",
    ),
    "pools of types": (
        lambda given: {
            "capacity": Instances(instance_type=SMALL, fallback_types=["ml.g6.2xlarge"])
        },
        "capacity has fallback_types ml.g6.2xlarge, and the server's options are made for one type"
        " at a time: put them into allowed_types and override InstanceType",
    ),
    "a machine without a GPU": (
        lambda given: _on("ml.m5.xlarge"),
        f"ml.m5.xlarge has no GPU, which {QWEN} needs: choose ml.g4dn.xlarge, the smallest that"
        " fits",
    ),
    "a GPU from before the server": (
        lambda given: _on("ml.p2.xlarge"),
        "ml.p2.xlarge has GPUs too old for these servers (compute capability below 7.0): choose"
        " ml.g4dn.xlarge, the smallest that fits",
    ),
    "fp8 on Turing": (
        lambda given: {**_on("ml.g4dn.xlarge"), "serving": LlmServing(dtype="fp8")},
        "dtype is 'fp8', which the GPUs of ml.g4dn.xlarge do not know: use int8, or ml.g5",
    ),
    "a type there is none of": (
        lambda given: _on("ml.g5.3xlarge"),
        "instance_type is 'ml.g5.3xlarge', which SageMaker does not have for hosting, near it are"
        " ml.g5.xlarge, ml.g5.8xlarge, ml.g5.4xlarge: write one like 'ml.m5.xlarge'",
    ),
    "a split that does not divide the heads": (
        lambda given: {"serving": LlmServing(tensor_parallel=4)},
        f"tensor_parallel is 4, which does not divide the 14 attention heads and 2 KV heads of"
        f" {QWEN}, allowed is one of 1, 2, 14: choose one of these",
    ),
    "a split over GPUs that are not there": (
        lambda given: {"serving": LlmServing(tensor_parallel=2)},
        f"tensor_parallel is 2, allowed on {SMALL} is at most 1, the GPUs there are: lower it or"
        " choose a larger type",
    ),
    "GPUs nobody knows, and no split": (
        lambda given: _on("ml.g6.12xlarge"),
        "the GPUs of ml.g6.12xlarge are not in gpus.lock.json and tensor_parallel is not given: set"
        " tensor_parallel to the GPUs the model shall be split over",
    ),
    "a component's GPUs that are not there": (
        lambda given: {"accelerators": 2},
        f"accelerators is 2, allowed on {SMALL} is at most 1: lower it or choose a larger type",
    ),
    "longer requests than it was trained for": (
        lambda given: {"serving": LlmServing(max_model_len=65536)},
        f"max_model_len is 65536, allowed for {QWEN} is at most 32768, the length it was trained"
        " for: lower it",
    ),
    "an unknown precision": (
        lambda given: {"serving": LlmServing(dtype="bf16")},  # type: ignore[arg-type]
        "dtype is 'bf16', allowed is one of float32, bfloat16, float16, fp8, int8, int4: choose"
        " one",
    ),
    "no request at once": (
        lambda given: {"serving": LlmServing(concurrency=0)},
        "concurrency is 0, allowed is 1 or more: raise it",
    ),
    "all of the memory": (
        lambda given: {"serving": LlmServing(memory_share=1)},
        "memory_share is 1, allowed is 0.1 to 0.98: lower it",
    ),
    "an unknown model": (
        lambda given: {"architecture": "org/mine"},
        f"architecture is 'org/mine', known are {', '.join(known_architectures())}: write"
        " Architecture(parameters=, layers=, attention_heads=, kv_heads=, head_size=) from the"
        " config.json of the weights",
    ),
    "a shape without layers": (
        lambda given: {
            "architecture": Architecture(
                parameters=1, layers=0, attention_heads=1, kv_heads=1, head_size=1
            )
        },
        "architecture layers is 0, allowed is 1 or more: copy it from the config.json of the"
        " weights",
    ),
    "an archive": (
        lambda given: {"weights": given.archive},
        "weights are an archive, allowed is a prefix of plain objects: use ModelData.from_prefix,"
        " unpacking tens of gigabytes takes longer than a start may",
    ),
    "gated weights without their licence": (
        lambda given: {"architecture": "meta-llama/Llama-3.2-1B-Instruct"},
        "meta-llama/Llama-3.2-1B-Instruct is gated and accept_eula is False, allowed is True: read"
        " its licence, then set accept_eula=True",
    ),
    "the hub for AWS's image": (
        lambda given: {"weights": _hub()},
        "weights come from the Hugging Face hub, which AWS's image reads with a token in its"
        " environment: use LlmImage.own, or put the weights under a prefix of a bucket",
    ),
    "a branch of the hub": (
        lambda given: {"image": LlmImage.own(given.image), "weights": _hub(revision="main")},
        "hub revision is 'main', allowed is a commit of 40 hex digits: copy it from the model's"
        " page, a branch can change under a running endpoint",
    ),
    "the hub for no reason": (
        lambda given: {"image": LlmImage.own(given.image), "weights": _hub(because=" ")},
        "because is empty: say why this model may reach the network, or put the weights under a"
        " prefix of a bucket",
    ),
    "a licence accepted in the wrong place": (
        lambda given: {
            "image": LlmImage.own(given.image), "weights": _hub(), "accept_eula": True,
        },
        "accept_eula is set for weights from the hub, where the licence is accepted on the model's"
        " page by the owner of the token: leave it out",
    ),
    "a parameter that may become anything": (
        lambda given: {"capacity": Instances(instance_type=given.parameter("Type"))},
        "instance_type is a parameter and allowed_types is empty: list what the parameter may"
        " become, so that each is checked",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_a_language_model_with(
    given: Any, options: Callable[[Any], dict[str, Any]], message: str
) -> None:
    chosen = {
        "weights": given.prefix,
        "image": LlmImage.managed("vllm", region="eu-west-1"),
        "architecture": QWEN,
        **_on(SMALL),
        **options(given),
    }
    with pytest.raises(ValueError, match=f"^{re.escape(f'LlmModel Test/Chat: {message}')}$"):
        LlmModel(given.stack, "Chat", **chosen)


def test_refuses_an_unknown_server() -> None:
    expected = (
        "llm image: server is 'tgi', allowed is one of vllm, lmi, tensorrt-llm: choose one, or"
        " LlmImage.own for an image of yours"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        LlmImage.managed("tgi", region="eu-west-1")  # type: ignore[arg-type]


def test_refuses_a_copy_of_a_model_made_for_whole_machines(given: Any) -> None:
    llm = LlmModel(
        given.stack,
        "Chat",
        weights=given.prefix,
        image=LlmImage.managed("vllm", region="eu-west-1"),
        architecture=QWEN,
        **_on(SMALL),
    )
    expected = (
        "LlmModel Test/Chat: accelerators is not given, which a component needs: make the model"
        " with accelerators=<GPUs of one copy>"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        llm.copy(memory_mb=4096)
