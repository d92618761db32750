"""Tables: a network whose graph takes raw columns, missing values included."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from training_job.schema import Schema


class Table(nn.Module):  # type: ignore[misc]  # PyTorch is not there when types are checked
    """Float32 [rows, features] to logits [rows, classes], or to values [rows, 1].

    Numbers are scaled by the training rows' own mean and spread and carry a flag for missing; a
    category is an embedding, with one for missing and for codes that training never saw.
    """

    def __init__(
        self, schema: Schema, *, hidden: int, layers: int, dropout: float, outputs: int
    ) -> None:
        super().__init__()
        sizes = schema.categories
        self.numbers = [index for index, size in enumerate(sizes) if size is None]
        self.codes = [index for index, size in enumerate(sizes) if size is not None]
        self.register_buffer("mean", torch.zeros(len(self.numbers)))
        self.register_buffer("spread", torch.ones(len(self.numbers)))
        known = [size for size in sizes if size is not None]
        widths = [min(32, 1 + (size + 1) // 2) for size in known]
        self.embeddings = nn.ModuleList(
            nn.Embedding(size + 1, width) for size, width in zip(known, widths, strict=True)
        )
        width = 2 * len(self.numbers) + sum(widths)
        blocks: list[nn.Module] = []
        for _ in range(layers):
            blocks += [nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.ReLU()]
            blocks += [nn.Dropout(dropout)]
            width = hidden
        self.network = nn.Sequential(*blocks, nn.Linear(width, outputs))

    def scale(self, mean: Sequence[float], spread: Sequence[float]) -> None:
        """Scale numbers by these from now on."""
        self.mean.copy_(torch.tensor(mean))
        self.spread.copy_(torch.tensor(spread))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        parts = []
        if self.numbers:
            numbers = features[:, self.numbers]
            missing = torch.isnan(numbers)
            scaled = (numbers - self.mean) / self.spread
            parts += [torch.where(missing, torch.zeros_like(scaled), scaled), missing.float()]
        for index, embedding in zip(self.codes, self.embeddings, strict=True):
            code = features[:, index] + 1
            known = (code >= 1) & (code < embedding.num_embeddings)  # false for NaN as well
            parts.append(embedding(torch.where(known, code, torch.zeros_like(code)).long()))
        result: torch.Tensor = self.network(torch.cat(parts, dim=1))
        return result


class Served(nn.Module):  # type: ignore[misc]  # PyTorch is not there when types are checked
    """What a server asks: probabilities of the classes, or values in the target's own units."""

    def __init__(self, model: nn.Module, *, classifies: bool, mean: float, spread: float) -> None:
        super().__init__()
        self.model, self.classifies, self.mean, self.spread = model, classifies, mean, spread

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.model(inputs)
        if self.classifies:
            return torch.softmax(found, dim=1)
        return found * self.spread + self.mean
