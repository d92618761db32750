"""The real rows `make local` sends in, and the requests made from them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from ops import aws
from ops.errors import OpsError

REQUEST_ROWS = 5
BATCH_ROWS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """Files to ask endpoints with."""

    csv: Path
    json: Path
    batch: Path


def make(dataset: str, folder: Path, *, rows: int | None) -> Path:
    """The raw sample of a dataset is a CSV file in `folder`, made once; `rows` thins it evenly."""
    from ops import samples  # pandas: a second to import

    if dataset not in samples.SAMPLES:
        raise OpsError(
            f"there is no sample data called {dataset!r}",
            fix="give your own: make local DATA=<file.csv>",
        )
    whole = folder / f"{dataset}.csv"
    source = Path(samples.__file__)
    if not whole.is_file() or whole.stat().st_mtime < source.stat().st_mtime:
        samples.write(dataset, whole)
    return whole if rows is None else _thin(whole, folder / f"{dataset}-{rows}.csv", rows)


def _thin(whole: Path, out: Path, rows: int) -> Path:
    """`rows` lines spread over the whole file, so that a slice of a year holds every month."""
    with whole.open("rb") as file:
        header, *lines = file.readlines()
    step = max(1.0, len(lines) / rows)
    kept = [lines[int(i * step)] for i in range(min(rows, len(lines)))]
    out.write_bytes(header + b"".join(kept))
    return out


def requests(raw: Path, manifest: dict[str, str], folder: Path) -> Requests:
    """A few rows of the raw sample as requests: the schema's features in their order, no target.

    Rows that Ingest set aside are left out: an endpoint refuses what preprocessing refuses.
    """
    features = _features(manifest)
    names = [str(f["name"]) for f in features]
    bad = _quarantined(manifest)
    # Lines as preprocessing counts them: any kind of line end is one.
    with raw.open(encoding="utf-8-sig") as file:
        good = (line for number, line in enumerate(file, start=1) if number not in bad)
        reader = csv.DictReader(good)
        missing = [n for n in names if n not in (reader.fieldnames or [])]
        if missing:
            raise OpsError(f"{raw.name} has no column {', '.join(missing)}, which the model needs")
        rows = [[row[n] for n in names] for row in islice(reader, BATCH_ROWS)]
    folder.mkdir(parents=True, exist_ok=True)
    made = Requests(
        csv=folder / "request.csv", json=folder / "request.json", batch=folder / "batch.csv"
    )
    _write(made.csv, rows[:REQUEST_ROWS])
    _write(made.batch, rows)
    kinds = [str(f["type"]) for f in features]
    instances = [
        {n: _value(v, k) for n, v, k in zip(names, row, kinds, strict=True)}
        for row in rows[:REQUEST_ROWS]
    ]
    made.json.write_text(json.dumps({"instances": instances}, indent=1), encoding="utf-8")
    return made


def _features(manifest: dict[str, str]) -> list[dict[str, Any]]:
    folder = manifest["uri"].rsplit("/", 1)[0]
    features: list[dict[str, Any]] = json.loads(_read(f"{folder}/schema/schema.json"))["features"]
    return features


def _quarantined(manifest: dict[str, str]) -> set[int]:
    """The numbers of the raw file's lines whose rows were set aside."""
    place = json.loads(_read(manifest["uri"]))["quarantine"]
    if place is None:
        return set()
    rows = csv.DictReader(io.StringIO(_read(place), newline=""))
    return {int(row["line"]) + n for row in rows for n in range(row["raw"].count("\n") + 1)}


def _read(uri: str) -> str:
    place = urlparse(uri)
    found = aws.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
    return str(found["Body"].read().decode())


def _write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _value(text: str, kind: str) -> object:
    text = text.strip()
    if kind in ("number", "integer"):
        # JSON has no NaN; for a number it means what nothing means.
        return None if text.lower() in ("", "nan") else float(text)
    return text or None
