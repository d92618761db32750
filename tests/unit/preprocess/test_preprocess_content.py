"""Any bytes at all: a dataset or a rejection, never an accident, and never a row lost."""

from __future__ import annotations

import csv
import io
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from preprocess import records
from preprocess.faults import DatasetRejected, ObjectFault
from preprocess.pieces import pieces

HEADER = "size,count,colour,ready,note,label"
QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LOOSE = {"min_rows": 3, "max_quarantined": 1}
VALUES = st.one_of(
    st.sampled_from(
        ["", "1", "-2.5", "nan", "inf", "1e400", "9" * 30, "true", "no", "red", '"', "a,b", "\0"]
    ),
    st.text(max_size=8),
    st.floats().map(str),
    st.integers().map(str),
)
ROWS = st.lists(st.lists(VALUES, min_size=1, max_size=8), max_size=30)
PIECES = st.lists(
    st.sampled_from([*'",\n\rx1 ', "\r\n", '""', '",', ',"', "\n\n", "é", "1,1,red,true,x,no\n"]),
    max_size=60,
).map("".join)


def _single_line(value: str, several: bool) -> str:
    value = value.replace("\r", " ")
    return value if several else value.replace("\n", " ")


def _conserved(rows: dict[str, int]) -> bool:
    return rows["in"] == rows["train"] + rows["validation"] + rows["test"] + rows["quarantined"]


@QUICK
@given(
    rows=ROWS,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_rows_written_by_a_csv_library_are_all_accounted_for(
    world: Any, table: Any, declared: Any, rows: list[list[str]], quoting: int, end: str
) -> None:
    # A record of several lines with the wrong number of fields is taken apart into its lines, and
    # a carriage return alone is a line end too: such rows are not counted one for one.
    rows = [[_single_line(value, len(row) == 6) for value in row] for row in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerows(rows)
    good = table(rows=20).replace("\n", end)
    block = declared(problem="multiclass", limits=LOOSE)

    version = world.publish(good + text.getvalue(), block)

    assert _conserved(version.result["rows"])
    assert version.result["rows"]["in"] == 20 + len(rows)
    assert version.result["rows"]["quarantined"] == len(version.quarantine)


@QUICK
@given(content=st.binary(max_size=400), headed=st.booleans())
def test_any_bytes_become_a_dataset_or_a_rejection(
    world: Any, table: Any, declared: Any, content: bytes, headed: bool
) -> None:
    raw = table().encode() + content if headed else content
    try:
        rows = world.publish(raw, declared(limits=LOOSE)).result["rows"]
    except DatasetRejected:
        return
    assert _conserved(rows)
    assert rows["in"] >= 40


@QUICK
@given(body=PIECES, size=st.integers(1, 50))
@example(body='1,1,"' + "x\n" * 60 + "1,1,red,true,x,no", size=7)
@example(body='a,"b\r\n\r\n",c,d,e,f\r\n1,1,1,1,1,1', size=1)
def test_where_chunks_end_changes_nothing(body: str, size: int) -> None:
    raw = f"{HEADER}\n{body}".encode()

    whole = _read([raw])
    pieces = _read([raw[at : at + size] for at in range(0, len(raw), size)])

    assert pieces == whole


@QUICK
@given(body=PIECES)
def test_every_character_is_in_exactly_one_record(body: str) -> None:
    found = _read([f"{HEADER}\n{body}".encode()])

    lines = [line for line in body.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line]
    read = [line for _, _, _, raw in found for line in raw.split("\n") if line]
    assert read == lines
    assert [row for row, *_ in found] == list(range(1, len(found) + 1))


def _read(chunks: list[bytes]) -> list[tuple[int, int, str | None, str]]:
    """Every record as (row, line, reason or its fields, raw), in order, by the definition."""
    found: list[tuple[int, int, str | None, str]] = []
    carried: list[str] = []
    line = row = 1
    try:
        blocks = list(pieces(chunks))
        for number, piece in enumerate(blocks):
            lines = carried + piece.decode().split("\n")[:-1]
            if number == 0:
                lines, line = lines[1:], 2
            frame, used = records.parse(lines, 6, last=number == len(blocks) - 1)
            columns = ["line", "reason", "raw", *records.names(6)]
            for at, reason, raw, *fields in frame.select(columns).iter_rows():
                found.append((row, line + at, reason or repr(fields), raw))
                row += 1
            line, carried = line + used, lines[used:]
    except ObjectFault as fault:
        return [(0, 0, str(fault), "")]
    return found
