"""Any bytes under any name: a dataset or a rejection with a reason, and no row unaccounted for."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections import Counter

import polars as pl
import pytest
from abuse.preprocess.world import GOOD, HEADER, World
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from preprocess import handler as function

GOOD_TABLE = (HEADER + GOOD).encode()
KEYS = ["tiny/a b.csv", "tiny/a+b.csv", "tiny/ü🟡.csv", "tiny/../../etc.csv", "tiny/x.parquet"]
ROWS = [
    "x,r,a", "inf,r,a", "-inf,r,a", "NaN,r,a", "1e400,r,a", "-1e400,r,a", "9" * 400 + ",r,a",
    "1,r", "1,r,a,b", ",,", ",", '"1","r","a"', '1,"r,a', '1,"r""",a', '1,"r\nr",a', '"1"x,r,a',
    "1,r\0,a", "=cmd|'/c calc'!A1,r,a", "+1+1,r,@SUM(A1)", "1,=1+1,a", " 1 , r , a ", "\t1,r,a",
    "0x1F,r,a", "1_000,r,a", "١,r,a", "1,r,\u2028a", "1,\x1cr,a", "1e-400,r,a", "--1,r,a", "1.,r,a",
    "3.5e38,r,a", "1,r,", "1,,a", ".,r,a",
]  # fmt: skip


def _parquet(**columns: list[object]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out)
    return out.getvalue()


def _corpus() -> dict[str, bytes]:
    table = GOOD_TABLE
    found = {f"row {row[:20]!r}": table + row.encode() + b"\n" for row in ROWS}
    lines = [
        dict(zip(("size", "colour", "label"), r.split(","), strict=True)) for r in GOOD.split()
    ]
    json_lines = "\n".join(map(json.dumps, lines)).encode() + b"\n"
    good = {name: [line[name] for line in lines] for name in lines[0]}
    return found | {
        "byte order mark": b"\xef\xbb\xbf" + table,
        "CRLF": table.replace(b"\n", b"\r\n"),
        "CR": table.replace(b"\n", b"\r"),
        "CR and LF mixed": table.replace(b"\n", b"\r\n", 9).replace(b"2,", b"2,", 1),
        "no line end": table.rstrip(),
        "blank lines": table.replace(b"\n", b"\n\n"),
        "empty": b"",
        "header only": HEADER.encode(),
        "latin-1": table + "1,grün,a\n".encode("latin-1"),
        "UTF-16": table.decode().encode("utf-16"),
        "lone surrogate": table + b"1,\xed\xa0\x80,a\n",
        "100,000 columns": ",".join(f"c{n}" for n in range(100_000)).encode() + b"\n1\n",
        "a line of 3 MB": table + b"1," + b"r" * 3_000_000 + b",a\n",
        "gzip": gzip.compress(table),
        "gzip of two": gzip.compress(table) + gzip.compress(b"1,r,a\n"),
        "gzip bomb": gzip.compress(HEADER.encode() + b"0" * 90_000_000),
        "gzip bomb of rows": gzip.compress(table + b"1,r,a\n" * 15_000_000),
        "gzip cut short": gzip.compress(table)[:-9],
        "gzip with a wrong sum": gzip.compress(table)[:-8] + b"\0" * 8,
        "JSON lines": json_lines,
        "JSON lines, some broken": json_lines
        + b'{"size": 1\nnull\n[1]\n{"size": {"a": 1}}\n1e400\n',
        "JSON lines, NaN": json_lines + b'{"size": NaN, "colour": "r", "label": "a"}\n',
        "JSON lines, huge": json_lines + b'{"size": ' + b"9" * 400 + b', "label": "a"}\n',
        "JSON lines, deep": json_lines + b"[" * 100_000 + b"\n",
        "JSON lines, keys twice": json_lines + b'{"size": 1, "size": 2, "label": "a"}\n',
        "JSON array": b'[{"size": 1}]',
        "JSON lines packed": gzip.compress(json_lines),
        "Parquet": _parquet(**good),
        "Parquet of numbers": _parquet(**good | {"size": [float(n) for n in range(24)]}),
        "Parquet, inf and NaN": _parquet(**good | {"size": [float("inf"), float("nan")] * 12}),
        "Parquet, nested": _parquet(**good | {"size": [[1]] * 24}),
        "Parquet, footer damaged": _parquet(**good)[:-40] + b"\xff" * 32 + b"\0\0\0\x20PAR1"[-8:],
        "Parquet, pages damaged": b"PAR1" + b"\xff" * 90 + _parquet(**good)[94:],
        "Parquet, magic only": b"PAR1PAR1",
        "zip": b"PK\x03\x04" + b"\0" * 60,
        "a program": b"\x7fELF" + bytes(range(256)),
    }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(function, "s3", lambda: made.s3)
    return made


pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


def test_a_corpus_of_hostile_objects_is_published_or_rejected(world: World) -> None:
    corpus = _corpus()
    found = Counter(world.outcome(content) for content in corpus.values())
    found.update(world.outcome(GOOD_TABLE, key) for key in KEYS)
    print(f"{len(corpus) + len(KEYS)} objects by hand: {dict(found)}")  # noqa: T201 (figures)
    assert len(corpus) + len(KEYS) >= 60
    assert found["published"] > 30
    assert found["rejected"] > 15
    assert set(found) == {"published", "rejected"}


PIECES = st.lists(
    st.one_of(
        st.sampled_from([*ROWS, *GOOD.split(), '"', ",", "\n", "\r\n", "\r", "\0", "{}", "é"]),
        st.text(max_size=6),
    ),
    max_size=25,
).map("\n".join)
OBJECTS = st.one_of(
    PIECES.map(lambda text: GOOD_TABLE + text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=300).map(lambda body: GOOD_TABLE + body),
    st.binary(max_size=300),
    st.binary(max_size=200).map(lambda body: b"PAR1" + body + b"PAR1"),
    PIECES.map(lambda text: gzip.compress(GOOD_TABLE + text.encode("utf-8", "replace"))),
    st.recursive(st.none() | st.floats() | st.integers() | st.text(max_size=5), st.lists)
    .map(lambda value: {"size": value, "colour": "r", "label": "a"})
    .map(lambda row: (json.dumps(row) + "\n").encode() * 9),
)


def _generated(world: World, number: int) -> None:
    found: Counter[str] = Counter()

    @settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(content=OBJECTS, key=st.sampled_from([*KEYS, "tiny/x.jsonl", "tiny/x.csv.gz"]))
    def run(content: bytes, key: str) -> None:
        found[world.outcome(content, key)] += 1

    run()
    print(f"{sum(found.values()):,} objects generated: {dict(found)}, 0 unhandled exceptions")  # noqa: T201 (figures)


def test_generated_objects_are_published_or_rejected(world: World) -> None:
    _generated(world, 120)


@pytest.mark.abuse
@pytest.mark.timeout(3600)
def test_two_thousand_generated_objects_are_published_or_rejected(world: World) -> None:
    _generated(world, int(os.environ.get("ABUSE_OBJECTS", "2000")))
