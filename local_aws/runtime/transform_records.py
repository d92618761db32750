"""Records of a batch transform: split, put into requests, filtered and joined (contracts 6)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.runtime import json_paths
from local_aws.runtime.containers import RuntimeFailure

MEGABYTE = 1024 * 1024
_OUTPUT_KEY, _INPUT_KEY = "SageMakerOutput", "SageMakerInput"


def records(path: Path, split_type: str) -> Iterator[bytes]:
    """Yield a file's records; lines keep their newline, as the container will see them."""
    if split_type == "None":
        yield path.read_bytes()
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield line if line.endswith(b"\n") else line + b"\n"


def payloads(
    found: Iterable[tuple[bytes, bytes]], *, limit: int | None, several: bool
) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yield groups of (original record, record to send) that fit into one request each."""
    group: list[tuple[bytes, bytes]] = []
    size = 0
    for original, record in found:
        if limit is not None and len(record) > limit:
            raise RuntimeFailure(
                f"a record of {len(record)} bytes is larger than MaxPayloadInMB"
                f" ({limit // MEGABYTE} MB); split the input by lines, or raise the limit"
            )
        if group and (not several or (limit is not None and size + len(record) > limit)):
            yield group
            group, size = [], 0
        group.append((original, record))
        size += len(record)
    if group:
        yield group


@dataclass(frozen=True, kw_only=True, slots=True)
class DataProcessing:
    """InputFilter, JoinSource and OutputFilter of one job; paths are understood at the start."""

    input_path: json_paths.Path | None
    output_path: json_paths.Path | None
    join: bool
    csv: bool
    by_line: bool

    @classmethod
    def of(cls, job: dict[str, Any]) -> DataProcessing:
        """Return the job's data processing; RuntimeFailure for what the API refuses."""
        wanted = job.get("DataProcessing") or {}
        split_type = job["TransformInput"].get("SplitType", "None")
        content_type = job["TransformInput"].get("ContentType") or ""
        output = job["TransformOutput"]
        join = wanted.get("JoinSource", "None") == "Input"
        input_filter = wanted.get("InputFilter", "$")
        output_filter = wanted.get("OutputFilter", "$")
        active = join or input_filter != "$" or output_filter != "$"
        is_csv = content_type.startswith("text/csv")
        if active and not (is_csv or "json" in content_type):
            raise RuntimeFailure(
                f"DataProcessing works on CSV and JSON; the job's ContentType is {content_type!r}"
            )
        if join and (
            output.get("Accept") != job["TransformInput"].get("ContentType")
            or output.get("AssembleWith", "None") != split_type
        ):
            raise RuntimeFailure(
                "JoinSource Input needs Accept equal to ContentType and AssembleWith equal to"
                " SplitType"
            )
        return cls(
            input_path=None if input_filter == "$" else json_paths.parse(input_filter),
            output_path=None if output_filter == "$" else json_paths.parse(output_filter),
            join=join,
            csv=is_csv,
            by_line=split_type == "Line",
        )

    def to_send(self, record: bytes) -> bytes:
        """Return the record as the container gets it."""
        if self.input_path is None:
            return record
        return self._written(self.input_path(self._read(record)))

    def to_keep(self, originals: list[bytes], answer: bytes) -> bytes:
        """Return what of one request's answer goes into the output file."""
        if not self.join and self.output_path is None:
            return answer
        answers = answer.splitlines() if self.by_line else [answer]
        answers = [line for line in answers if line.strip()]
        if self.join and len(answers) != len(originals):
            raise RuntimeFailure(
                f"the container answered {len(answers)} records for {len(originals)}: they cannot"
                " be joined"
            )
        kept = []
        for number, line in enumerate(answers):
            value = self._read(line)
            if self.join:
                value = self._joined(self._read(originals[number]), value)
            kept.append(self._written(self.output_path(value) if self.output_path else value))
        return b"".join(kept)

    def _joined(self, source: Any, output: Any) -> Any:
        if self.csv:
            return [*source, *output]
        if not isinstance(source, dict):
            return {_INPUT_KEY: source, _OUTPUT_KEY: output}
        if _OUTPUT_KEY in source:
            raise RuntimeFailure(f"an input record has the key {_OUTPUT_KEY} already")
        return {**source, _OUTPUT_KEY: output}

    def _read(self, record: bytes) -> Any:
        try:
            text = record.decode("utf-8")
            if self.csv:
                rows = list(csv.reader(io.StringIO(text)))
                return rows[0] if self.by_line and rows else rows
            return json.loads(text)
        except (ValueError, csv.Error) as error:
            kind = "CSV" if self.csv else "JSON"
            raise RuntimeFailure(f"a record is no {kind}: {error}") from error

    def _written(self, value: Any) -> bytes:
        if not self.csv:
            return json.dumps(value).encode() + (b"\n" if self.by_line else b"")
        row = value if isinstance(value, list) else [value]
        rows = row if row and all(isinstance(item, list) for item in row) else [row]
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue().encode()
