"""What SageMaker's toolkit does for a script that leaves `input_fn` or `output_fn` out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from inference_server.decoding import CSV, JSON, NPY
from inference_server.errors import RequestError


def input_fn(data: Any, content_type: str) -> Any:
    """The body as a numpy array."""
    kind = content_type.partition(";")[0].strip()
    try:
        if kind == JSON:
            return np.array(orjson.loads(data))
        if kind == CSV:
            return np.genfromtxt(io.StringIO(data), delimiter=",", dtype=np.float32)
        if kind == NPY:
            return np.load(io.BytesIO(data), allow_pickle=False)
    except ValueError as error:
        raise RequestError(f"the body is not {kind}: {error}") from None
    raise RequestError(
        f"Content-Type {kind!r} is not supported; supported: {JSON}, {CSV}, {NPY}", 415
    )


def output_fn(prediction: Any, accept: str) -> tuple[Any, str]:
    """The prediction in the wanted format; a generator as it is, to be sent piece by piece."""
    if isinstance(prediction, Iterator):
        return prediction, accept
    kind = accept.partition(";")[0].strip()
    if kind == JSON:
        return orjson.dumps(prediction, option=orjson.OPT_SERIALIZE_NUMPY, default=_listed), JSON
    if kind == CSV:
        text = io.StringIO()
        np.savetxt(text, np.atleast_1d(prediction), delimiter=",", fmt="%s")
        return text.getvalue().encode(), CSV
    if kind == NPY:
        binary = io.BytesIO()
        np.save(binary, np.asarray(prediction), allow_pickle=False)
        return binary.getvalue(), NPY
    raise RequestError(f"Accept {kind!r} cannot be met; supported: {JSON}, {CSV}, {NPY}", 406)


def to_bytes(body: Any) -> bytes:
    """A handler's result on the wire: bytes and text as they are, anything else as JSON."""
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if isinstance(body, str):
        return body.encode()
    content: bytes = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY, default=_listed)
    return content


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
