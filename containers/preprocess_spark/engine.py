"""One object through a cluster: cut, looked at, learnt from and written, range by range."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Protocol

from preprocess import run, source
from preprocess.dataset import Dataset
from preprocess.limits import MIB
from preprocess.parquet_table import ParquetTable
from preprocess.pieces import pieces
from preprocess.publish import Publication
from preprocess.s3 import S3
from preprocess.source import Form, Source
from preprocess.split import random, refuse_empty
from preprocess_spark import ranges
from preprocess_spark.learning import Lesson
from preprocess_spark.ranges import Range
from preprocess_spark.work import Plan

RANGE_BYTES = 64 * MIB


class Cluster(Protocol):
    """What does tasks somewhere, many at once."""

    def each(self, tasks: Sequence[bytes]) -> list[bytes]:
        """Return the answer of every task, in order."""
        ...

    def whole(self, tasks: Sequence[bytes]) -> bytes:
        """Return the lessons of all tasks as one."""
        ...


class Engine:
    """Prepares versions on a cluster; `prepare` is what `preprocess.job.process` asks for."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        region: str,
        range_bytes: int = RANGE_BYTES,
        client: Callable[[], S3] | None = None,
    ) -> None:
        self.cluster, self.region, self.range_bytes = cluster, region, range_bytes
        self.client = client

    def prepare(self, dataset: Dataset, raw: Source, publication: Publication) -> run.Prepared:
        """Write the version's files; raise `ObjectFault` for an object that cannot be used."""
        s3 = publication.s3
        if raw.size == 0:
            source.refuse_size(raw, timeout_seconds=1, memory_mb=1)
        plan, found = self._planned(dataset, s3, raw, publication)
        kinds = dataset.parsed(plan.names)
        by_time = dataset.split.by is not None
        part = random(dataset.split)
        lesson = self._learnt(plan, found, None if by_time else part)
        reasons, counts = lesson.told(), lesson.counts
        run.refuse_counts(dataset, reasons, counts)
        if lesson.moments is not None:
            part = lesson.moments.part()
            lesson = self._learnt(plan, found, part)
        assert lesson.fit is not None  # noqa: S101 (there are good rows)
        refuse_empty(lesson.fit.sizes, dataset.split)
        fitted = lesson.fit.fitted()
        self._each("write", [(plan, one, fitted, part) for one in found])
        return run.Prepared(
            fitted=fitted,
            quarantine="quarantine/" if counts["quarantined"] else None,
            rows={
                "in": counts["in"],
                **lesson.fit.sizes,
                "quarantined": counts["quarantined"],
            },
            statistics={
                **lesson.fit.statistics(),
                "dropped": sorted(dataset.columns.keys() - kinds.keys()),
                "ignored": [name for name in plan.names if name not in dataset.columns],
                "quarantined": dict(sorted(reasons.counts.items())),
            },
        )

    def _planned(
        self, dataset: Dataset, s3: S3, raw: Source, publication: Publication
    ) -> tuple[Plan, list[Range]]:
        form = source.form(s3, raw)
        plan = Plan(
            dataset=dataset,
            source=raw,
            form=form,
            names=[],
            bucket=publication.bucket,
            folder=publication.key(""),
            region=self.region,
            client=self.client,
        )
        if form.name == "parquet":
            table = ParquetTable(s3, raw)
            run.refuse_header(dataset, table.names)
            return replace(plan, names=table.names), self._groups(table, dataset)
        names, header = _header(s3, raw, form)
        run.refuse_header(dataset, names)
        plan = replace(plan, names=names)
        return plan, self._text(plan, s3, header)

    def _groups(self, table: ParquetTable, dataset: Dataset) -> list[Range]:
        wanted = table._wanted(dataset.parsed(table.names))
        return [
            Range(index=n, first=n, last=n + 1, row=group.first + 1, line=group.first + 1)
            for n, group in enumerate(wanted)
        ]

    def _text(self, plan: Plan, s3: S3, header: int) -> list[Range]:
        raw = plan.source
        # Nobody can begin in the middle of gzip data: one task reads all of it.
        places = (
            [(0, raw.size)]
            if plan.form.packed
            else ranges.cuts(lambda a, b: raw.range(s3, a, b), raw.size, self.range_bytes)
        )
        found = [Range(index=n, first=a, last=b) for n, (a, b) in enumerate(places)]
        # A header is in the first range unless that is shorter than it.
        left = header
        if header:
            lines = self._each("look", [(replace(plan, names=[""]), one) for one in found[:1]])
            if len(found) > 1 and lines[0].lines < header:
                found = [Range(index=0, first=0, last=raw.size)]
        if found:
            found[0] = replace(found[0], header=left)
        seen = self._each("look", [(plan, one) for one in found])
        if plan.width is None:
            rows = accumulate((one.rows for one in seen), initial=1)
            first = accumulate((one.lines for one in seen), initial=1)
            return [replace(o, row=r, line=n) for o, r, n in zip(found, rows, first, strict=False)]
        again = lambda one: self._each("look", [(plan, one)])[0]  # noqa: E731
        return ranges.settled(found, seen, plan.width, again)

    def _learnt(self, plan: Plan, found: Sequence[Range], part: Any) -> Lesson:
        tasks = [pickle.dumps(("learn", (plan, one, part))) for one in found]
        lesson: Lesson = pickle.loads(self.cluster.whole(tasks)) if tasks else Lesson()  # noqa: S301
        return lesson

    def _each(self, name: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        answers = self.cluster.each([pickle.dumps((name, one)) for one in arguments])
        return [pickle.loads(answer) for answer in answers]  # noqa: S301 (our own tasks')


def _header(s3: S3, raw: Source, form: Form) -> tuple[list[str], int]:
    chunks = raw.chunks(s3)
    return run.column_names(form, pieces(source.unpacked(chunks) if form.packed else chunks))
