"""What a language model is served from and how, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import aws_secretsmanager as secretsmanager

Dtype = Literal["float32", "bfloat16", "float16", "fp8", "int8", "int4"]
KvCache = Literal["auto", "fp8"]

# Bytes a parameter takes. Scales of quantised weights are left out: they are a few per cent.
BYTES: dict[str, float] = {
    "float32": 4,
    "bfloat16": 2,
    "float16": 2,
    "fp8": 1,
    "int8": 1,
    "int4": 0.5,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class HubWeights:
    """Weights that the container fetches from the Hugging Face hub when it starts.

    It needs the network for that, so the model is not isolated: `because` says why that is right,
    to whoever reviews the template. `revision` is a commit: a branch can change what is served.
    `token` holds the hub's token as plain text; the container reads it itself, when it starts.
    Only our own image (containers/vllm) can.
    """

    model: str
    revision: str
    because: str
    token: secretsmanager.ISecret | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LlmServing:
    """How the model is served.

    - `dtype` of the weights. int8 and int4 weights are quantised already; fp8 ones may be, or
      are made so while they load. bfloat16 becomes float16 on machines that do not know it.
    - `max_model_len`: tokens of a request and its answer together; `concurrency`: requests at
      once. Both decide how much memory the KV cache takes.
    - `kv_cache`: fp8 halves it.
    - `tensor_parallel`: GPUs the model is split over. Default: as many of the machine's as divide
      the attention heads.
    - `memory_share` of each GPU's memory that the server may use.
    - `environment`: further variables of the image, which win.
    """

    dtype: Dtype = "bfloat16"
    max_model_len: int = 4096
    concurrency: int = 8
    kv_cache: KvCache = "auto"
    tensor_parallel: int | None = None
    memory_share: float = 0.9
    environment: Mapping[str, str] = field(default_factory=dict)
