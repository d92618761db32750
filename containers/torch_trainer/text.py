"""Texts: a small transformer that starts from the weights of channel `model`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

from training_job.channels import Rows
from training_job.failure import TrainingError
from training_job.schema import Schema

FILES = ("model.safetensors", "config.json", "tokenizer.json")
PADDING = 0
_SIZES = ("vocab_size", "width", "layers", "heads", "max_length")


class Text(nn.Module):  # type: ignore[misc]  # PyTorch is not there when types are checked
    """Token numbers [rows, length], 0 for padding, to logits [rows, classes]."""

    def __init__(self, config: dict[str, int], *, classes: int, dropout: float) -> None:
        super().__init__()
        width = config["width"]
        self.tokens = nn.Embedding(config["vocab_size"], width, padding_idx=PADDING)
        self.places = nn.Embedding(config["max_length"], width)
        layer = nn.TransformerEncoderLayer(
            width, config["heads"], 4 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, config["layers"], nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        read = self.tokens(tokens) + self.places(places)
        there = (tokens != PADDING) | (places == 0)  # attention to nothing at all is not a number
        encoded = self.encoder(read, src_key_padding_mask=~there)
        weights = there.unsqueeze(2).float()
        mean = (encoded * weights).sum(1) / weights.sum(1).clamp(min=1)
        result: torch.Tensor = self.classifier(mean)
        return result


def read_config(folder: Path) -> dict[str, int]:
    """The sizes of the network in channel `model`.

    Raises:
        TrainingError: a file is missing, or config.json does not hold them.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise TrainingError(
            f"channel model holds no {' and no '.join(missing)}; fine-tuning a text needs "
            f"{', '.join(FILES)}"
        )
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise TrainingError(f"config.json of channel model is not JSON: {error}") from error
    lacking = [name for name in _SIZES if not isinstance(config.get(name), int)]
    if lacking:
        raise TrainingError(f"config.json of channel model must hold whole {', '.join(lacking)}")
    return {name: config[name] for name in _SIZES}


def check(config: dict[str, int], tokenizer: Any, length: int) -> None:
    """Nothing, if the network has a place and an embedding for every token it will be given.

    Raises:
        TrainingError: texts are cut later than its places end, or the tokenizer knows more tokens.
    """
    if length > config["max_length"]:
        raise TrainingError(
            f"hyperparameter max_length is {length}, allowed: up to {config['max_length']}, the "
            "max_length in config.json of channel model"
        )
    if (count := tokenizer.get_vocab_size()) > config["vocab_size"]:
        raise TrainingError(
            f"tokenizer.json of channel model has {count} tokens, allowed: up to "
            f"{config['vocab_size']}, the vocab_size in its config.json"
        )


def pretrained(folder: Path, *, classes: int, dropout: float) -> Text:
    """The network of channel `model` with its weights, and a classifier that is new.

    Raises:
        TrainingError: a file is missing, or the weights are not of the network they describe.
    """
    config = read_config(folder)
    network = Text(config, classes=classes, dropout=dropout)
    weights = load_file(folder / "model.safetensors")
    own = network.state_dict()
    body = {name for name in own if not name.startswith("classifier.")}
    wrong = sorted(
        name for name in body if name not in weights or weights[name].shape != own[name].shape
    )
    if wrong:
        raise TrainingError(
            f"model.safetensors of channel model does not fit its config.json: {wrong[0]} is "
            f"missing or of another shape ({len(wrong)} such weights)"
        )
    network.load_state_dict({**own, **{name: weights[name] for name in body}})
    return network


def read_texts(
    channel: str,
    folder: Path,
    schema: Schema,
    tokenizer: Any,
    length: int,
    *,
    may_be_empty: bool = False,
) -> Rows:
    """The JSON lines {"text", "label"} of a channel, as token numbers and class codes.

    `may_be_empty` is for an instance that got none of a sharded channel's objects.

    Raises:
        TrainingError: nothing there, a line that is none, or a label that is no class.
    """
    codes = {label: code for code, label in enumerate(schema.classes)}
    texts: list[str] = []
    labels: list[int] = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            where = f"channel {channel}, file {file.name}, line {number}"
            try:
                entry = json.loads(line)
                text, label = str(entry["text"]), str(entry["label"])
            except (ValueError, KeyError, TypeError) as error:
                raise TrainingError(
                    f'{where} is not of the form {{"text": "...", "label": "..."}}'
                ) from error
            if label not in codes:
                raise TrainingError(
                    f"{where}: label {label!r} is no class; allowed: {', '.join(codes)}"
                )
            texts.append(text)
            labels.append(codes[label])
    if not texts and not may_be_empty:
        raise TrainingError(f"channel {channel} holds no texts; it needs JSON lines")
    features = encode(tokenizer, texts, length)
    return Rows(channel=channel, target=np.array(labels, dtype=np.float32), features=features)


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of channel `model`; `encode` pads, alike here and where the model is served."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Any, texts: list[str], length: int) -> np.ndarray[Any, Any]:
    """Token numbers [texts, length] as float32, which holds them exactly up to 16 million."""
    rows = np.zeros((len(texts), length), dtype=np.float32)
    for row, found in zip(rows, tokenizer.encode_batch(texts), strict=True):
        ids = found.ids[:length]
        row[: len(ids)] = ids
    return rows
