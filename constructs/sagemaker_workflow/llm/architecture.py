"""The numbers of a model that decide how much memory it takes."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).with_name("architectures.lock.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """A transformer's shape, as the `config.json` of its weights has it.

    `layers` num_hidden_layers, `attention_heads` num_attention_heads, `kv_heads`
    num_key_value_heads, `head_size` head_dim, `max_length` max_position_embeddings. `gated` models
    are used under a licence that somebody has to accept.
    """

    parameters: int
    layers: int
    attention_heads: int
    kv_heads: int
    head_size: int
    max_length: int | None = None
    gated: bool = False
    name: str = "the model"


@functools.cache
def known_architectures() -> dict[str, Architecture]:
    """The models of the lock file, by their names on the Hugging Face hub."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    return {name: Architecture(name=name, **one) for name, one in lock["models"].items()}
