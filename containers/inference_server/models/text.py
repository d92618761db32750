"""Texts for a PyTorch model, by the `tokenizer.json` that training left beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_server.encoding import shown
from inference_server.errors import ModelLoadError, RequestError
from inference_server.models.files import TOKENIZER
from inference_server.models.torch import TorchEngine
from inference_server.settings import Settings

PADDING = 0


class TextEncoder:
    """Texts to the token numbers int64 [rows, length] that training made of them."""

    def __init__(self, folder: Path, engine: TorchEngine, settings: Settings) -> None:
        if settings.threads == 1:
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # read when it is first used
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise ModelLoadError(
                f"{TOKENIZER} needs the package tokenizers, which this image does not have; build "
                "it with --build-arg VARIANT=torch"
            ) from None
        if engine.width is None:
            raise ModelLoadError(
                f"{TOKENIZER} is of a model of texts, and {engine.file} takes no number of tokens "
                "that is fixed; export the model with token numbers [rows, length] as model.pt2"
            )
        self._length = engine.width
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:
            raise ModelLoadError(f"{TOKENIZER} cannot be loaded: {error}") from error
        self._tokenizer.no_padding()  # its own would depend on the company a text is in

    def encode(self, rows: Sequence[Sequence[Any]]) -> NDArray[np.int64]:
        """The model's input; what is longer than it takes is cut, as in training.

        Raises:
            RequestError: naming the first row that is no text.
        """
        texts = []
        for number, (value,) in enumerate(rows, start=1):
            if not isinstance(value, str):
                raise RequestError(f"row {number}: {shown(value)} is not allowed; allowed: text")
            texts.append(value)
        matrix = np.full((len(texts), self._length), PADDING, dtype=np.int64)
        for row, found in zip(matrix, self._tokenizer.encode_batch_fast(texts), strict=True):
            ids = found.ids[: self._length]
            row[: len(ids)] = ids
        return matrix
