"""Chunks of bytes into pieces of whole lines: UTF-8, one kind of line end, no byte order mark."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from preprocess.faults import ObjectFault
from preprocess.records import MAX_LINE
from preprocess.source import BOM


def pieces(chunks: Iterable[bytes], *, start: int = 0) -> Iterator[bytes]:
    """Yield bytes that end where a line does (LF, CRLF and CR become LF).

    `start` is where in the object the chunks begin, at a line. Raises `ObjectFault` with the byte
    offset where the bytes stop being UTF-8, and for a line of more than `MAX_LINE` bytes.
    """
    check = _Utf8(start)
    rest, first = b"", start == 0
    for chunk in chunks:
        check.take(chunk)
        if not first and b"\r" not in chunk and not rest.endswith(b"\r"):
            cut = chunk.rfind(b"\n") + 1  # the same as below, with one copy instead of two
            piece = b"".join((rest, memoryview(chunk)[:cut])) if cut else b""
            rest = chunk[cut:] if cut else rest + chunk
            _refuse_long_lines(piece, rest)
            if piece:
                yield piece
            continue
        text = rest + chunk
        if first and len(text) < len(BOM):
            rest = text
            continue
        if first:
            text, first = text.removeprefix(BOM), False
        if b"\r" in text:
            # A CR at the very end may be half of a CRLF: it waits for the next chunk.
            keep = b"\r" if text.endswith(b"\r") else b""
            text = _unified(text[: len(text) - len(keep)]) + keep
        cut = text.rfind(b"\n") + 1
        piece, rest = text[:cut], text[cut:]
        _refuse_long_lines(piece, rest)
        if piece:
            yield piece
    check.finish()
    if rest := _unified(rest.removeprefix(BOM) if first else rest):
        yield rest if rest.endswith(b"\n") else rest + b"\n"


class _Utf8:
    """Checks bytes as they come; ASCII, which most are, costs next to nothing."""

    def __init__(self, start: int) -> None:
        self.decoder, self.offset = codecs.getincrementaldecoder("utf-8")(), start

    def take(self, chunk: bytes) -> None:
        held = len(self.decoder.getstate()[0])
        if held or not chunk.isascii():
            try:
                self.decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise _not_utf8(self.offset - held + error.start, error) from None
        self.offset += len(chunk)

    def finish(self) -> None:
        held = len(self.decoder.getstate()[0])
        try:
            self.decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise _not_utf8(self.offset - held + error.start, error) from None


def _unified(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _refuse_long_lines(piece: bytes, rest: bytes) -> None:
    at = 0
    while len(piece) - at > MAX_LINE:
        end = piece.rfind(b"\n", at, at + MAX_LINE + 1)
        if end < 0:
            break
        at = end + 1
    if len(piece) - at > MAX_LINE or len(rest) > MAX_LINE:
        raise ObjectFault(f"It has a line longer than {MAX_LINE:,} bytes: not a table.")


def _not_utf8(offset: int, error: UnicodeDecodeError) -> ObjectFault:
    byte = error.object[error.start]
    return ObjectFault(f"It is not UTF-8: byte 0x{byte:02x} at byte offset {offset:,}.")
