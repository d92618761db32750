"""Whether a file is a pickle, told while it is read once."""

from __future__ import annotations

import io

from inspect_model.pickles import NAMES, ZIP, holds_pickle

# What of a file's beginning is looked at, as the inference server looks at it: all that matters of
# a pickle, but for one of the oldest protocols whose first value is larger.
_KEPT = 1024**2
_ENTRY = b"PK\x01\x02"  # a file in a ZIP file's directory, which is at its end
_ENTRY_BYTES = 46  # before its name
_LOOKED_AT = 512  # of a name or of what follows it: so long is none that a library would load


class PickleWatch:
    """Is given a file's name and then its bytes, and knows at the end what it was."""

    def __init__(self, name: str) -> None:
        self._named = _is_name(name)
        self._start, self._size = bytearray(), 0
        self._rest = b""  # of a ZIP file: where an entry may have begun
        self._holds = False

    def update(self, chunk: bytes) -> None:
        """The next bytes of the file."""
        self._size += len(chunk)
        self._start += chunk[: _KEPT - len(self._start)]
        if self._start.startswith(ZIP[: len(self._start)]):
            self._rest = self._look(self._rest + chunk, last=False)

    def found(self) -> bool:
        """Whether it is a pickle. No more bytes come."""
        if self._named:
            return True
        if self._start.startswith(ZIP) and self._size > len(self._start):
            self._look(self._rest, last=True)
            return self._holds
        return holds_pickle(io.BytesIO(bytes(self._start)), self._size)

    def _look(self, content: bytes, *, last: bool) -> bytes:
        """Look at every entry that is whole; what is left is where the next one may begin."""
        at = content.find(_ENTRY)
        while at >= 0:
            name = at + _ENTRY_BYTES
            more = name + int.from_bytes(content[at + 28 : at + 30], "little")
            end = more + int.from_bytes(content[at + 30 : at + 32], "little")
            if len(content) < max(name, end) and not last:
                return content[at:]
            self._holds = self._holds or _names_pickle(content[name:more], content[more:end])
            at = content.find(_ENTRY, at + 1)
        return content[1 - len(_ENTRY) :]


def _names_pickle(name: bytes, more: bytes) -> bool:
    """Whether an entry's name, or another name that may follow it, is a pickle's."""
    names = (name[-_LOOKED_AT:], name[:_LOOKED_AT].partition(b"\0")[0])
    other = more[:_LOOKED_AT].decode(errors="replace").lower()
    return any(_is_name(one.decode(errors="replace")) for one in names) or any(
        suffix in other for suffix in NAMES
    )


def _is_name(name: str) -> bool:
    return name.lower().endswith(NAMES)
