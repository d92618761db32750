"""Whether a file is a pickle, told while it is read once: the rule of our inference server.

See `is_pickle` in containers/inference_server/models/folder.py; a test compares the two.
"""

from __future__ import annotations

_NAMES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")
# Protocols 2 to 5 begin with PROTO and their number; every pickle ends with STOP.
_PROTOCOLS = tuple(b"\x80" + bytes([number]) for number in (2, 3, 4, 5))
_STOP = b"."
# What torch.save writes is a ZIP file around one.
_ZIP = b"PK\x03\x04"
_ENTRY = b"PK\x01\x02"  # a file in a ZIP file's directory, which is at its end
_ENTRY_BYTES = 46  # before its name
_LOOKED_AT = 512  # of a name or of what follows it: so long is none that a library would load


class PickleWatch:
    """Is given a file's name and then its bytes, and knows at the end what it was."""

    def __init__(self, name: str) -> None:
        self._named = _is_name(name)
        self._start, self._end = b"", b""
        self._rest = b""  # of a ZIP file: where an entry may have begun
        self._holds = False

    def update(self, chunk: bytes) -> None:
        """The next bytes of the file."""
        if len(self._start) < len(_ZIP):
            self._start += chunk[: len(_ZIP) - len(self._start)]
        self._end = chunk[-1:] or self._end
        if self._start.startswith(_ZIP[: len(self._start)]):
            self._rest = self._look(self._rest + chunk, last=False)

    def found(self) -> bool:
        """Whether it is a pickle. No more bytes come."""
        if self._named:
            return True
        if self._start == _ZIP:
            self._look(self._rest, last=True)
            return self._holds
        return self._start.startswith(_PROTOCOLS) and self._end == _STOP

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
        suffix in other for suffix in _NAMES
    )


def _is_name(name: str) -> bool:
    return name.lower().endswith(_NAMES)
