"""Bodies that the model of these tests answers, in each format (contracts 2, FEATURES)."""

from __future__ import annotations

import io
import json

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


def _npy(kind: str, *, fortran: bool = False) -> bytes:
    array = np.array([[2, 1.5, 3, 1], [0, 7, 12, 0]]).astype(kind)
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
