"""Any model of tables with its `schema.json`: raw values in, labels and probabilities out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from inference_server import negotiation
from inference_server.answers import Writer
from inference_server.arrays import ArrayReader, encode_npy
from inference_server.decoding import CSV, JSON, NPY, Decoder
from inference_server.encoding import Encoder
from inference_server.errors import ModelLoadError, RequestError
from inference_server.models.base import Answer, Request
from inference_server.models.columns import example_of, schema_of
from inference_server.models.engine import Engine, RowEncoder
from inference_server.plain import PlainReader
from inference_server.settings import Settings

# A row that takes longer is predicted on a thread: /ping must not wait for a large model.
INLINE_SECONDS = 0.001
# One try may meet another program on its core: a model would answer by its thread ever after. One
# that takes this long is slow in any case, and not tried again.
MOST_TRIES, SLOW_SECONDS = 5, 0.1
# Pairs of headers whose meaning is remembered; a client that makes up new ones gains nothing.
MOST_AGREED = 256
_NOT_YET = RuntimeError("no answer was made")
# Which request, the format of its answer, how many rows it has.
_Wanted = tuple[int, str, int]


class TableModel:
    """Bodies of requests to an engine's input, and its output to bodies of answers.

    Without a schema.json every column is a number called f0, f1, ... and the labels are 0, 1, ...
    With `texts` the only column is a text, which it encodes.
    """

    # About a hundred rows: less than a millisecond, cheaper than a hand-over to a thread.
    inline_bytes = 16 * 1024

    def __init__(
        self, folder: Path, settings: Settings, engine: Engine, *, texts: RowEncoder | None = None
    ) -> None:
        self._engine = engine
        self.predict = engine.run
        self._classifies = engine.classifies
        self._schema = schema_of(folder, engine, texts=texts is not None)
        self._decoder = Decoder([feature.name for feature in self._schema.features])
        self._reads_text = texts is not None
        self._encoder: RowEncoder = texts or Encoder(self._schema)
        self._plain = PlainReader(self._schema)
        self._arrays = ArrayReader(self._schema)
        self._agreed: dict[tuple[str | None, str | None], tuple[str, str]] = {}
        self._writer = Writer(self._schema.classes if self._classifies else None)
        self._settings = settings
        self._default_accept = negotiation.default_accept_of(settings.default_accept)

    def answer(self, request: Request) -> Answer:
        (outcome,) = self.answer_many([request])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def answer_many(self, requests: Sequence[Request]) -> list[Answer | Exception]:
        """The answers of one run over the rows of all; a bad request fails alone."""
        outcomes: list[Answer | Exception] = [_NOT_YET] * len(requests)
        wanted: list[_Wanted] = []
        inputs: list[NDArray[Any]] = []
        plain: list[_Wanted] = []
        others: list[tuple[int, str, str]] = []
        for index, request in enumerate(requests):
            headers = request.headers
            asked = (headers.get("content-type"), headers.get("accept"))
            try:
                content_type, accept = self._agreed.get(asked) or self._agree(*asked)
            except RequestError as error:
                outcomes[index] = error.bare()
                continue
            if content_type == CSV and self._plain.possible:
                plain.append((index, accept, 1))
            else:
                others.append((index, content_type, accept))
        if plain:
            together = self._plain.matrix([requests[index].body for index, _, _ in plain])
            if together is not None:
                inputs.append(together)
                wanted = plain
            else:  # some have more rows, or are to be refused by the one that says why
                others += [(index, CSV, accept) for index, accept, _ in plain]
        for index, content_type, accept in others:
            try:
                matrix = self._matrix(requests[index].body, content_type)
            except RequestError as error:
                outcomes[index] = error.bare()
                continue
            except Exception as error:  # noqa: BLE001  this request's own
                outcomes[index] = error
                continue
            inputs.append(matrix)
            wanted.append((index, accept, len(matrix)))
        if inputs:
            predicted = self.predict(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
            self._write(predicted, wanted, outcomes)
        return outcomes

    def _agree(self, content_type: str | None, accept: str | None) -> tuple[str, str]:
        read = negotiation.content_type_of(content_type)
        found = (read, negotiation.accept_of(accept, self._default(read)))
        if len(self._agreed) < MOST_AGREED:
            self._agreed[content_type, accept] = found
        return found

    def _default(self, content_type: str) -> str:
        if self._default_accept is not None:
            return self._default_accept
        # Parquet comes in and does not go out.
        same = self._settings.batch and content_type in negotiation.SUPPORTED
        return content_type if same else JSON

    def _matrix(self, body: bytes, content_type: str) -> NDArray[Any]:
        if content_type == NPY and self._reads_text:
            raise RequestError(f"{NPY} holds numbers; this model reads text", 415)
        if content_type == NPY:
            return self._arrays.npy(body)
        return self._encoder.encode(self._decoder.decode(body, content_type))

    def _write(
        self,
        predicted: NDArray[np.float32],
        wanted: Sequence[_Wanted],
        outcomes: list[Answer | Exception],
    ) -> None:
        counts = [count for _, _, count in wanted]
        # Nearly always one; every format more is written for all, which is cheaper than to sort.
        for accept in {accept for _, accept, _ in wanted}:
            if accept == NPY:
                parts = np.split(predicted, np.cumsum(counts)[:-1])
                bodies = [encode_npy(part) for part in parts]
            else:
                bodies = self._writer.bodies(self._writer.rows(predicted, accept), counts, accept)
            for (index, asked, count), body in zip(wanted, bodies, strict=True):
                if asked == accept:
                    outcomes[index] = Answer(body, accept, 200, None, count)

    def _fast(self, request: Request) -> bool:
        """Whether a row takes less than INLINE_SECONDS, whatever else the machine does now."""
        for _ in range(MOST_TRIES):
            began = time.perf_counter()
            self.answer(request)
            seconds = time.perf_counter() - began
            if seconds <= INLINE_SECONDS:
                return True
            if seconds > SLOW_SECONDS:
                break
        return False

    def prove(self) -> None:
        example = example_of(self._schema)
        request = Request(
            orjson.dumps({"instances": [example]}), {"content-type": JSON, "accept": JSON}
        )
        try:
            predicted = self.predict(self._encoder.encode([list(example.values())]))
            if self._classifies and predicted.shape != (1, len(self._schema.classes)):
                raise ValueError(
                    f"it gives {predicted.shape[-1]} probabilities, schema.json names "
                    f"{len(self._schema.classes)} classes"
                )
            self.answer(request)
            if not self._fast(request):
                self.inline_bytes = -1
        except Exception as error:
            raise ModelLoadError(
                f"{self._engine.file} loads but cannot predict: {error}"
            ) from error
