"""Bodies that the model of these tests answers, and some it refuses, in each format."""

from __future__ import annotations

import io
import json
from datetime import date, time

import numpy as np
import polars

ROWS = [
    {"carrier": "UA", "distance": 1.5, "month": 3, "night": True},
    {"carrier": "AA", "distance": None, "month": 12, "night": False},
    {"carrier": None, "distance": -0.25, "month": None, "night": None},
]


def _csv(rows: list[dict[str, object]]) -> bytes:
    lines = (",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows)
    return "\n".join(lines).encode()


def _npy(kind: str, *, rows: int = 2, fortran: bool = False) -> bytes:
    array = np.array([[2, 1.5, 3, 1], [0, 7, 12, 0]]).astype(kind)[:rows]
    binary = io.BytesIO()
    np.save(binary, np.asfortranarray(array) if fortran else array)
    return binary.getvalue()


def _parquet(rows: list[dict[str, object]], **how: object) -> bytes:
    binary = io.BytesIO()
    polars.DataFrame(rows).write_parquet(binary, **how)  # type: ignore[arg-type]
    return binary.getvalue()


GOOD: dict[str, list[bytes]] = {
    "text/csv": [
        _csv(ROWS),
        _csv(ROWS[:1]),
        b"night,month,carrier,distance\r\n1,2,UA,3e2",
        b'"UA",1,2,t\n',
    ],
    "application/json": [
        json.dumps({"instances": ROWS}).encode(),
        json.dumps({"instances": [list(ROWS[0].values())]}).encode(),
    ],
    "application/jsonlines": [
        "\n".join(map(json.dumps, ROWS)).encode(),
        b'{"month":3}\n["AA",1,2,null]\n',
    ],
    "application/x-npy": [_npy("<f4"), _npy("<f8", fortran=True), _npy("|u1"), _npy(">i2")],
    "application/x-parquet": [
        _parquet(ROWS),
        _parquet(ROWS, compression="uncompressed"),
        _parquet(ROWS * 50, compression="snappy", row_group_size=40, data_page_size=64),
        _parquet(ROWS, compression="gzip", statistics=False),
        _parquet([{"month": 3}, {"month": None}], compression="lz4"),
    ],
}
REFUSED: dict[str, list[bytes]] = {
    "text/csv": [b"UA,1.5,3", b"carrier,distance,month,night", b'UA,"1"5,3,1', b"UA,1_0,3,maybe"],
    "application/json": [b'{"instances":[]}', b'{"instances":[{"mnth":3}],"more":[[[]]]}'],
    "application/jsonlines": [b'{"months":3}\n\n', b"[[1],{},1e400,0]"],
    "application/x-npy": [_npy("<f4", rows=0), _npy("<U4"), _npy("<c8"), _npy("<M8[s]")],
    "application/x-parquet": [
        _parquet([]),
        _parquet([{"month": [3, 4]}, {"month": []}]),
        _parquet([{"night": {"month": 3}}]),
        _parquet([{"nights": date(2013, 1, 1), "month": time(1)}]),
    ],
}
