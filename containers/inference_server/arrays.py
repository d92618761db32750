"""Arrays in NumPy's own format, in and out, without `numpy.load`: nothing is ever unpickled."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inference_server.errors import RequestError
from inference_server.schema import Schema

# Headers are tiny; numpy evaluates them as a Python literal.
_LARGEST_NPY_HEADER = 4096


class ArrayReader:
    """Arrays of numbers to the model's input."""

    def __init__(self, schema: Schema) -> None:
        self._width = len(schema.features)
        self._filled = schema.filled
        self._names = [feature.name for feature in schema.features]
        self._whole = [i for i, one in enumerate(schema.features) if one.type == "integer"]
        self._codes = {
            index: len(feature.categories)
            for index, feature in enumerate(schema.features)
            if feature.type == "category"
        }

    def npy(self, body: bytes) -> NDArray[np.float32]:
        """An array in NumPy's format as the model's input: a category is its code.

        Read by its header, without `numpy.load`: nothing is unpickled, and no memory is taken that
        the body does not fill.

        Raises:
            RequestError: it is no array of numbers [rows, columns], or holds one not allowed.
        """
        table = self._shaped(*_array(body))
        with np.errstate(over="ignore"):
            result = np.ascontiguousarray(table, dtype=np.float32)
        self._refuse(np.isinf(result), table, "a number within ±3.4e38")
        for index in self._whole:
            column = result[:, index : index + 1]
            bad = ~np.isnan(column) & (np.floor(column) != column)
            self._refuse(bad, table, "a whole number or NaN", index)
        for index, count in self._codes.items():
            column = result[:, index : index + 1]
            code = (np.floor(column) == column) & (column >= 0) & (column < count)
            bad = ~np.isnan(column) & ~code
            self._refuse(bad, table, f"a category's code, 0 to {count - 1}, or NaN", index)
        return self._filled(result)

    def _shaped(
        self, numbers: NDArray[np.generic], shape: tuple[int, ...], order: Literal["F", "C"]
    ) -> NDArray[np.generic]:
        wide = (1, *shape) if len(shape) == 1 else shape
        if len(wide) != 2 or wide[1] != self._width or not wide[0]:
            raise RequestError(
                f"the array is {_short(shape)}; allowed: [rows, {self._width}] with at least one "
                "row"
            )
        return numbers.reshape(wide, order=order)

    def _refuse(
        self,
        bad: NDArray[np.bool_],
        table: NDArray[np.generic],
        allowed: str,
        offset: int = 0,
    ) -> None:
        if not bad.any():
            return
        row, column = np.argwhere(bad)[0].tolist()
        value = table[row, column + offset].item()
        raise RequestError(
            f"row {row + 1}, column {self._names[column + offset]}: {value!r} is not allowed; "
            f"allowed: {allowed}"
        )


def encode_npy(array: NDArray[np.generic]) -> bytes:
    """The array as it is: probabilities [rows, classes] or values [rows, outputs]."""
    binary = io.BytesIO()
    np.lib.format.write_array(binary, np.ascontiguousarray(array), allow_pickle=False)
    return binary.getvalue()


def _array(body: bytes) -> tuple[NDArray[np.generic], tuple[int, ...], Literal["F", "C"]]:
    """The numbers one after the other, the shape that the header gives them, and its order."""
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(stream, _LARGEST_NPY_HEADER)
        elif version == (2, 0):
            header = np.lib.format.read_array_header_2_0(stream, _LARGEST_NPY_HEADER)
        else:
            raise ValueError(f"version {version} of the format holds no plain numbers")
    except Exception as error:  # noqa: BLE001  a Python literal: anything can be wrong with it
        raise RequestError(f"the body is not NPY: {str(error)[:200]}") from None
    shape, fortran, kind = header
    if kind.hasobject or kind.kind not in "fiub":
        raise RequestError(f"the array is of {kind}; allowed: numbers (float, int, bool)")
    count = 1
    for length in shape:
        count *= length
    content = memoryview(body)[stream.tell() :]
    # Beside a 0 any other length would do; True is a number to Python.
    possible = all(type(length) is int and 0 <= length <= len(body) for length in shape)
    if not possible or count * kind.itemsize != len(content):
        raise RequestError(
            f"the body holds {len(content)} bytes of numbers; its header says {_short(shape)} of "
            f"{kind}"
        )
    return np.frombuffer(content, dtype=kind), shape, "F" if fortran else "C"


def _short(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= 100 else text[:97] + "..."
