"""Thrift's compact protocol, read into dicts by field number: what Parquet's metadata is.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

Struct = dict[int, Any]
_DEEPEST = 16  # Parquet's metadata is half as deep
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)


def read_struct(content: bytes, start: int = 0) -> Struct:
    """The struct that begins at `start`; what follows it is not looked at.

    Raises:
        ValueError: it is none.
    """
    try:
        return _Reader(content, start).struct(0)
    except IndexError:
        raise ValueError("its metadata is cut short") from None


class _Reader:
    def __init__(self, content: bytes, start: int) -> None:
        self._content = content
        self._at = start

    def struct(self, depth: int) -> Struct:
        if depth > _DEEPEST:
            raise ValueError("its metadata is nested too deeply")
        found: Struct = {}
        field = 0
        while (head := self._byte()) != 0:
            step, kind = head >> 4, head & 15
            field = field + step if step else self._integer()
            found[field] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BINARY:
            return self._take(self._number())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            head = self._byte()
            count, inner = head >> 4, head & 15
            if count == 15:
                count = self._number()
            # A value takes a byte at least: no list is longer than what is left.
            self._need(count)
            return [self._value(inner, depth + 1) for _ in range(count)]
        if kind in (_TRUE, _FALSE, _BYTE):  # in a list
            return self._byte()
        if kind == _DOUBLE:
            return self._take(8)
        raise ValueError(f"its metadata has a value of kind {kind}")

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _number(self) -> int:
        value = shift = 0
        while shift < 64:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise ValueError("its metadata has a number of more than 64 bits")

    def _integer(self) -> int:
        value = self._number()
        return (value >> 1) ^ -(value & 1)

    def _need(self, count: int) -> None:
        if count > len(self._content) - self._at:
            raise ValueError("its metadata is cut short")

    def _take(self, count: int) -> bytes:
        self._need(count)
        self._at += count
        return self._content[self._at - count : self._at]
