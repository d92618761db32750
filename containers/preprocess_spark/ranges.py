"""Where an object can be cut: ranges of whole records, each with the number of its first row.

A line may belong to a record that began before it, so a cut at a line's start is no cut between
records. Each range is read as if a record began at its first line, and says what it would leave
to the next one. If what its predecessor really leaves only changes records before one that
begins in both readings, everything after that is the same, and so is what it leaves: the ranges
are settled one after the other from their first lines alone, without reading them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from preprocess import records, source
from preprocess.pieces import pieces
from preprocess.s3 import S3
from preprocess.source import Form, Source

LOOK = 1 << 16  # bytes read to find the end of a line
HEAD_LINES = 4 * records.MAX_RECORD_LINES


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Whole records of an object: its bytes (or row groups) from `first` up to `last`.

    `carried` is the beginning of its first record where that lies in the range before, and `left`
    how many lines at its end belong to a record that ends in the next one. `row` and `line`
    are the numbers of the first row and of the first line of its own.
    """

    index: int
    first: int
    last: int
    header: int = 0  # lines at the object's start that are no record
    row: int = 1
    line: int = 1
    carried: bytes = b""
    left: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a first look at a range found, read as if a record began with its first line."""

    lines: int
    rows: int
    head: tuple[str, ...] = ()  # its first lines, while a quote makes them matter
    starts: frozenset[int] = frozenset()  # the lines of the head that begin a record
    left: int = 0
    tail: bytes = b""  # the lines left over


def cuts(read: Callable[[int, int], bytes], size: int, nominal: int) -> list[tuple[int, int]]:
    """Return ranges of about `nominal` bytes that begin where a line does."""
    places = [0]
    for wanted in range(nominal, size, nominal):
        if wanted > places[-1] and (place := _line_start(read, wanted, size)) > places[-1]:
            places.append(place)
    if places[-1] != size:
        places.append(size)
    return list(pairwise(places))


def _line_start(read: Callable[[int, int], bytes], at: int, size: int) -> int:
    """Return the first place from `at` on that begins a line; `size` if there is none."""
    begin = at - 1  # whose byte says whether `at` itself does
    while begin < size:
        found = read(begin, min(begin + LOOK, size) - 1)
        for n, byte in enumerate(found):
            if byte == 10:  # LF
                return begin + n + 1
            if byte == 13:  # CR, unless a LF follows and ends the line instead
                following = begin + n + 1
                if following >= size:
                    return size
                after = found[n + 1 : n + 2] or read(following, following)
                return following + (after == b"\n")
        begin += len(found)
    return size


def text(s3: S3, raw: Source, form: Form, one: Range) -> Iterator[bytes]:
    """Yield a range's own lines in pieces, the object's header left out."""
    chunks = _chunks(s3, raw, one)
    found = pieces(source.unpacked(chunks) if form.packed else chunks, start=one.first)
    skip = one.header
    for piece in found:
        while skip and piece:
            end = piece.find(b"\n") + 1
            piece, skip = piece[end:], skip - 1
        if piece:
            yield piece


def _chunks(s3: S3, raw: Source, one: Range) -> Iterator[bytes]:
    for first in range(one.first, one.last, source.CHUNK):
        yield raw.range(s3, first, min(first + source.CHUNK, one.last) - 1)


def look(found: Iterator[bytes], width: int | None, carried: bytes = b"") -> Seen:
    """Return what a range's lines are like; `width` is None for JSON lines."""
    lines = rows = handed = 0
    head: list[str] = []
    handed = carried.count(b"\n")
    for piece in found:
        lines += piece.count(b"\n")
        if width is None:
            rows += sum(1 for line in piece.split(b"\n") if line.strip())
            continue
        if (room := HEAD_LINES - len(head)) > 0:
            head += piece.decode().split("\n", room)[: min(room, piece.count(b"\n"))]
        whole, carried = carried + piece, b""
        if b'"' not in whole:
            rows += whole.count(b"\n") - _blank(whole)
            continue
        block = whole.decode().split("\n")[:-1]
        frame, taken = records.parse(block, width, last=False)
        carried = "".join(f"{line}\n" for line in block[taken:]).encode()
        rows += frame.height
    if width is None:
        return Seen(lines=lines, rows=rows)
    return Seen(
        lines=lines + handed,
        rows=rows,
        head=tuple(head),
        starts=frozenset(_starts(head, width)),
        left=carried.count(b"\n"),
        tail=carried,
    )


def _blank(piece: bytes) -> int:
    return sum(1 for line in piece.split(b"\n")[:-1] if not line) if b"\n\n" in b"\n" + piece else 0


def _starts(block: list[str], width: int) -> list[int]:
    """Return the lines that begin a record when the first one does."""
    return [int(n) for n in records.parse(block, width, last=False)[0]["line"]] if block else []


def settled(
    ranges: list[Range], seen: list[Seen], width: int, read: Callable[[Range], Seen]
) -> tuple[list[Range], int]:
    """Return the ranges with their rows, their lines and what they hand on, and all their rows.

    `read` looks once more at a range with the lines it is handed: only one whose two readings do
    not meet in its first lines needs it.
    """
    row, line, carried = 1, 1, b""
    done = []
    for one, first in zip(ranges, seen, strict=True):
        handed = carried.count(b"\n")
        line += one.header
        placed = replace(one, row=row, line=line - handed, carried=carried)
        found, rows = first, first.rows
        if carried and (met := _met(first, carried, width)) is not None:
            rows = met
        elif carried:
            found = read(placed)
            rows = found.rows
        done.append(replace(placed, left=found.left))
        row, line, carried = row + rows, line + first.lines, found.tail
    done[-1] = replace(done[-1], left=0)  # what is left at the end of the object is the last's own
    return done, row - 1


def _met(found: Seen, carried: bytes, width: int) -> int | None:
    """Return how many rows a range has with the lines it is handed; None if nobody can say yet."""
    before = carried.decode().split("\n")[:-1]
    lines = [n - len(before) for n in _starts([*before, *found.head], width)]
    same = next((n for n in lines if n >= 0 and n in found.starts), None)
    if same is None:
        return None
    return found.rows - sum(n < same for n in found.starts) + sum(n < same for n in lines)
