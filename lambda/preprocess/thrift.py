"""Thrift's compact protocol, as far as a Parquet footer uses it."""

from __future__ import annotations

import struct as packing
from typing import Any

DEEPEST = 32


class DamagedError(Exception):
    """The bytes are no structure."""


def struct(data: bytes) -> dict[int, Any]:
    """Return a structure's fields by their numbers; raise `DamagedError` for anything else."""
    try:
        return _Reader(data).struct(0)
    except (IndexError, packing.error, OverflowError, MemoryError):
        raise DamagedError from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self, depth: int) -> dict[int, Any]:
        if depth > DEEPEST:
            raise DamagedError
        found: dict[int, Any] = {}
        field = 0
        while kind := (head := self._byte()) & 0x0F:
            field = field + (head >> 4) if head >> 4 else self._signed()
            found[field] = self._value(kind, depth, nested=False)
        return found

    def _value(self, kind: int, depth: int, *, nested: bool) -> Any:
        if kind in (1, 2):
            return self._byte() == 1 if nested else kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            return packing.unpack("<d", self._bytes(8))[0]
        if kind == 8:
            return self._bytes(self._unsigned())
        if kind in (9, 10):
            head = self._byte()
            size = head >> 4 if head >> 4 != 15 else self._unsigned()
            if size > len(self.data):
                raise DamagedError
            return [self._value(head & 0x0F, depth + 1, nested=True) for _ in range(size)]
        if kind == 12:
            return self.struct(depth + 1)
        raise DamagedError

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _bytes(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise DamagedError
        self.at += size
        return self.data[self.at - size : self.at]

    def _unsigned(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
            shift += 7
            if shift > 70:
                raise DamagedError

    def _signed(self) -> int:
        found = self._unsigned()
        return (found >> 1) ^ -(found & 1)
