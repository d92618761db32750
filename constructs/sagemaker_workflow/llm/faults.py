"""What cannot work about a language model, said before a large machine is started for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import get_args

from sagemaker_workflow.endpoints.limits import has_gpu, instance_type_fault
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.gpus import gpus
from sagemaker_workflow.llm import fit as fitting
from sagemaker_workflow.llm.architecture import Architecture, known_architectures
from sagemaker_workflow.llm.image import LlmImage
from sagemaker_workflow.llm.spec import Dtype, HubWeights, KvCache, LlmServing
from sagemaker_workflow.model_data import ModelData

_HUB_MODEL = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def architecture_of(architecture: str | Architecture, faults: Faults) -> Architecture | None:
    if isinstance(architecture, Architecture):
        for name in ("parameters", "layers", "attention_heads", "kv_heads", "head_size"):
            if getattr(architecture, name) < 1:
                faults.add(
                    f"architecture {name} is {getattr(architecture, name)}, allowed is 1 or more: "
                    "copy it from the config.json of the weights"
                )
        return None if faults.found else architecture
    found = known_architectures().get(architecture)
    if found is None:
        faults.add(
            f"architecture is {architecture!r}, known are {', '.join(known_architectures())}: "
            "write Architecture(parameters=, layers=, attention_heads=, kv_heads=, head_size=) "
            "from the config.json of the weights"
        )
    return found


def check_serving(serving: LlmServing, architecture: Architecture | None, faults: Faults) -> None:
    faults.unless_one_of("dtype", serving.dtype, get_args(Dtype))
    faults.unless_one_of("kv_cache", serving.kv_cache, get_args(KvCache))
    for name in ("max_model_len", "concurrency"):
        if getattr(serving, name) < 1:
            faults.add(f"{name} is {getattr(serving, name)}, allowed is 1 or more: raise it")
    faults.unless_between("memory_share", serving.memory_share, 0.1, 0.98)
    if architecture is None:
        return
    longest = architecture.max_length
    if longest is not None and serving.max_model_len > longest:
        faults.add(
            f"max_model_len is {serving.max_model_len}, allowed for {architecture.name} is at most "
            f"{longest}, the length it was trained for: lower it"
        )
    ways = serving.tensor_parallel
    if ways is not None and not fitting.splits(architecture, ways):
        faults.add(
            f"tensor_parallel is {ways}, which does not divide the {architecture.attention_heads} "
            f"attention heads and {architecture.kv_heads} KV heads of {architecture.name}, "
            f"allowed is one of {_ways(architecture)}: choose one of these"
        )


def check_weights(
    weights: object,
    image: LlmImage,
    architecture: Architecture | None,
    accept_eula: bool,
    faults: Faults,
) -> None:
    if isinstance(weights, HubWeights):
        _check_hub(weights, image, faults)
        if accept_eula:
            faults.add(
                "accept_eula is set for weights from the hub, where the licence is accepted on the "
                "model's page by the owner of the token: leave it out"
            )
    elif not isinstance(weights, ModelData) or weights.compressed:
        faults.add(
            "weights are an archive, allowed is a prefix of plain objects: use "
            "ModelData.from_prefix, unpacking tens of gigabytes takes longer than a start may"
        )
    elif architecture is not None and architecture.gated and not accept_eula:
        faults.add(
            f"{architecture.name} is gated and accept_eula is False, allowed is True: read its "
            "licence, then set accept_eula=True"
        )


def _check_hub(weights: HubWeights, image: LlmImage, faults: Faults) -> None:
    if not image.fetches_from_hub:
        faults.add(
            "weights come from the Hugging Face hub, which AWS's image reads with a token in its "
            "environment: use LlmImage.own, or put the weights under a prefix of a bucket"
        )
    if not _HUB_MODEL.fullmatch(weights.model):
        faults.add(f"hub model is {weights.model!r}, allowed is <organisation>/<name>: correct it")
    if not _COMMIT.fullmatch(weights.revision):
        faults.add(
            f"hub revision is {weights.revision!r}, allowed is a commit of 40 hex digits: copy it "
            "from the model's page, a branch can change under a running endpoint"
        )
    if not weights.because.strip():
        faults.add(
            "because is empty: say why this model may reach the network, or put the weights under "
            "a prefix of a bucket"
        )


def check_machines(
    types: Sequence[str],
    architecture: Architecture,
    serving: LlmServing,
    accelerators: int | None,
    faults: Faults,
) -> None:
    """Every type an override may choose is checked, and each problem of each is named."""
    for instance_type in types:
        faults.extend(_machine_faults(instance_type, architecture, serving, accelerators))


def _machine_faults(
    instance_type: str,
    architecture: Architecture,
    serving: LlmServing,
    accelerators: int | None,
) -> Iterator[str]:
    if fault := instance_type_fault(instance_type):
        yield fault
        return
    if not has_gpu(instance_type):
        yield (
            f"{instance_type} has no GPU, which {architecture.name} needs: choose "
            f"{_smallest(architecture, serving, accelerators)}"
        )
        return
    if fitting.family(instance_type) in fitting.TOO_OLD:
        yield (
            f"{instance_type} has GPUs too old for these servers (compute capability below 7.0): "
            f"choose {_smallest(architecture, serving, accelerators)}"
        )
        return
    if serving.dtype == "fp8" and fitting.family(instance_type) in fitting.BEFORE_AMPERE:
        yield f"dtype is 'fp8', which the GPUs of {instance_type} do not know: use int8, or ml.g5"
        return
    machine = gpus().get(instance_type)
    if machine is None:
        if serving.tensor_parallel is None and accelerators is None:
            yield (
                f"the GPUs of {instance_type} are not in gpus.lock.json and tensor_parallel is not "
                "given: set tensor_parallel to the GPUs the model shall be split over"
            )
        return
    available = accelerators or machine.count
    if available > machine.count:
        yield (
            f"accelerators is {accelerators}, allowed on {instance_type} is at most "
            f"{machine.count}: lower it or choose a larger type"
        )
        return
    ways = serving.tensor_parallel
    if ways is not None and ways > available:
        yield (
            f"tensor_parallel is {ways}, allowed on {instance_type} is at most {available}, the "
            "GPUs there are: lower it or choose a larger type"
        )
        return
    found = fitting.fit(instance_type, architecture, serving, accelerators=accelerators)
    if found is not None and not found.fits:
        yield (
            f"{architecture.name} in {serving.dtype} does not fit {instance_type}: "
            f"{found.arithmetic}; choose {_smallest(architecture, serving, accelerators)}, fewer "
            "or shorter requests, or a smaller dtype"
        )


def _smallest(architecture: Architecture, serving: LlmServing, accelerators: int | None) -> str:
    name = fitting.smallest_that_fits(architecture, serving, accelerators=accelerators)
    return f"{name}, the smallest that fits" if name else "a type larger than those known here"


def _ways(architecture: Architecture) -> str:
    heads = architecture.attention_heads
    return ", ".join(
        str(one) for one in range(1, min(heads, 16) + 1) if fitting.splits(architecture, one)
    )
