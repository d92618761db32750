"""Whether a model fits the GPUs of an instance type, with the arithmetic in words.

Per GPU: weights / GPUs + KV cache / GPUs (a head is not split, so at most `kv_heads` ways) + what
the CUDA context and activations take, against the share of the memory the server may use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sagemaker_workflow.gpus import GIB, Gpus, gpus
from sagemaker_workflow.llm.architecture import Architecture
from sagemaker_workflow.llm.spec import BYTES, LlmServing

# CUDA context, graphs and activations of one GPU: a floor, larger models take more.
OVERHEAD_GIB = 1.0
# Compute capability below 7.0, which vLLM does not run on (vLLM, "GPU installation").
TOO_OLD = ("p2",)
# Turing and Volta: no bfloat16, no fp8 (vLLM, "Quantization: supported hardware").
BEFORE_AMPERE = ("g4dn", "p3", "p3dn")
_SIZE = re.compile(r"(\d*)xlarge")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """What one instance type would have to hold, per GPU, and whether it does. In GiB."""

    instance_type: str
    tensor_parallel: int
    weights: float
    kv_cache: float
    usable: float
    arithmetic: str

    @property
    def needed(self) -> float:
        return self.weights + self.kv_cache + OVERHEAD_GIB

    @property
    def fits(self) -> bool:
        return self.needed <= self.usable


def family(instance_type: str) -> str:
    """`ml.g5.2xlarge` -> g5."""
    return instance_type.split(".")[1] if instance_type.count(".") == 2 else ""


def weights_gib(architecture: Architecture, serving: LlmServing) -> float:
    return architecture.parameters * BYTES[serving.dtype] / GIB


def kv_bytes_per_token(architecture: Architecture, serving: LlmServing) -> float:
    """Keys and values of one token in every layer."""
    each = 1 if serving.kv_cache == "fp8" else 4 if serving.dtype == "float32" else 2
    shape = architecture
    return 2 * shape.layers * shape.kv_heads * shape.head_size * each


def splits(architecture: Architecture, ways: int) -> bool:
    """Whether the attention can be split over so many GPUs: heads evenly, KV heads or copies."""
    heads, kv = architecture.attention_heads, architecture.kv_heads
    return ways >= 1 and heads % ways == 0 and (kv % ways == 0 or ways % kv == 0)


def tensor_parallel(architecture: Architecture, serving: LlmServing, available: int) -> int:
    """The GPUs the model is split over: those asked for, or the most that can be used."""
    if serving.tensor_parallel is not None:
        return serving.tensor_parallel
    return max(ways for ways in range(1, available + 1) if splits(architecture, ways))


def fit(
    instance_type: str,
    architecture: Architecture,
    serving: LlmServing,
    *,
    accelerators: int | None = None,
) -> Fit | None:
    """The arithmetic for one type; None when its GPUs are not known.

    :param accelerators: the GPUs a component's copy has of it. Default: all
    """
    machine = gpus().get(instance_type)
    if machine is None:
        return None
    return _fit(instance_type, machine, architecture, serving, accelerators)


def smallest_that_fits(
    architecture: Architecture, serving: LlmServing, *, accelerators: int | None = None
) -> str | None:
    """The type with the least GPU memory that the model fits on, None when none of them does."""
    for name in _by_size():
        if family(name) in TOO_OLD:
            continue
        if serving.dtype == "fp8" and family(name) in BEFORE_AMPERE:
            continue
        machine = gpus()[name]
        wanted = accelerators or serving.tensor_parallel or 1
        if machine.count >= wanted and (
            _fit(name, machine, architecture, serving, accelerators).fits
        ):
            return name
    return None


def _fit(
    instance_type: str,
    machine: Gpus,
    architecture: Architecture,
    serving: LlmServing,
    accelerators: int | None,
) -> Fit:
    ways = tensor_parallel(architecture, serving, accelerators or machine.count)
    weights = weights_gib(architecture, serving)
    token = kv_bytes_per_token(architecture, serving)
    cache = token * serving.max_model_len * serving.concurrency / GIB
    cache_each = cache / min(ways, architecture.kv_heads)
    usable = machine.each_gib * serving.memory_share
    billions = architecture.parameters / 1e9
    arithmetic = (
        f"{billions:.1f} billion parameters x {BYTES[serving.dtype]:g} bytes = {weights:.1f} GiB, "
        f"KV cache of {serving.concurrency} x {serving.max_model_len} tokens x "
        f"{token / 1024:.0f} KiB = {cache:.1f} GiB, over {ways} GPU{'s' if ways > 1 else ''} with "
        f"{OVERHEAD_GIB:g} GiB overhead each: {weights / ways + cache_each + OVERHEAD_GIB:.1f} GiB "
        f"per GPU, and {serving.memory_share:.0%} of its {machine.each_gib:.1f} GiB are "
        f"{usable:.1f}"
    )
    return Fit(
        instance_type=instance_type,
        tensor_parallel=ways,
        weights=weights / ways,
        kv_cache=cache_each,
        usable=usable,
        arithmetic=arithmetic,
    )


def _by_size() -> Iterator[str]:
    yield from sorted(gpus(), key=lambda name: (gpus()[name].memory_mib, _rank(name), name))


def _rank(instance_type: str) -> int:
    found = _SIZE.search(instance_type)
    return int(found[1] or 1) if found else 0
