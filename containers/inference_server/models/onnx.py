"""`model.onnx` with `schema.json`: raw values in, labels and probabilities out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import orjson
from numpy.typing import NDArray

from inference_server import negotiation
from inference_server.answers import encode_classes, encode_values
from inference_server.decoding import JSON, Decoder
from inference_server.encoding import Encoder
from inference_server.errors import ModelLoadError
from inference_server.models.base import Answer, Request
from inference_server.schema import Feature, Schema, read_schema
from inference_server.settings import Settings


class OnnxModel:
    """A table model: one float32 input [rows, features], probabilities or values out.

    Without a schema.json every column is a number called f0, f1, ... and the labels are 0, 1, ...
    """

    # About a hundred rows: less than a millisecond, cheaper than a hand-over to a thread.
    inline_bytes = 16 * 1024

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._session = _open(folder / "model.onnx", settings.threads)
        self._input, columns = _input_of(self._session)
        outputs = {output.name: output.shape for output in self._session.get_outputs()}
        self._classifies = "probabilities" in outputs
        name = "probabilities" if self._classifies else next(iter(outputs))
        self._outputs = [name]
        width = outputs[name][-1] if outputs[name] else None
        self._schema = _schema(folder, columns, width if self._classifies else None)
        self._decoder = Decoder([feature.name for feature in self._schema.features])
        self._encoder = Encoder(self._schema)
        self._settings = settings

    def predict(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities [rows, classes], or values [rows, 1]."""
        result: NDArray[np.float32] = self._session.run(self._outputs, {self._input: matrix})[0]
        return result

    def answer(self, request: Request) -> Answer:
        content_type = negotiation.content_type_of(request.headers.get("content-type"))
        default = self._settings.default_accept or (content_type if self._settings.batch else JSON)
        accept = negotiation.accept_of(request.headers.get("accept"), default)
        rows = self._decoder.decode(request.body, content_type)
        predicted = self.predict(self._encoder.encode(rows))
        if self._classifies:
            body = encode_classes(self._schema.classes, predicted, accept)
        else:
            body = encode_values(predicted, accept)
        return Answer(body, accept, rows=len(rows))

    def prove(self) -> None:
        example = {feature.name: _example(feature) for feature in self._schema.features}
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
        except Exception as error:
            raise ModelLoadError(f"model.onnx loads but cannot predict: {error}") from error


def _open(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelLoadError(f"model.onnx cannot be loaded: {first_line[:300]}") from error


def _input_of(session: onnxruntime.InferenceSession) -> tuple[str, int | None]:
    inputs = session.get_inputs()
    shapes = [f"{item.name}: {item.type} {item.shape}" for item in inputs]
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:
        raise ModelLoadError(
            f"model.onnx takes {', '.join(shapes)}; without code/inference.py this server feeds "
            "one float input [rows, features]"
        )
    columns = inputs[0].shape[1]
    return inputs[0].name, columns if isinstance(columns, int) else None


def _schema(folder: Path, columns: int | None, classes: object) -> Schema:
    path = folder / "schema.json"
    if not path.is_file():
        if columns is None:
            raise ModelLoadError(
                "model.onnx does not say how many columns it takes, and there is no schema.json"
            )
        return Schema(
            features=tuple(Feature(name=f"f{i}", type="number") for i in range(columns)),
            classes=tuple(str(i) for i in range(classes)) if isinstance(classes, int) else (),
        )
    schema = read_schema(path)
    if columns is not None and columns != len(schema.features):
        raise ModelLoadError(
            f"model.onnx takes {columns} columns, schema.json names {len(schema.features)}"
        )
    return schema


def _example(feature: Feature) -> str | float | bool:
    if feature.type == "category":
        return feature.categories[0] if feature.categories else ""
    return False if feature.type == "boolean" else 0
