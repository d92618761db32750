"""Objects through a cluster: cut, looked at, learnt from and written, range by range."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Protocol

from preprocess import run, source
from preprocess.ahead import readers
from preprocess.dataset import Dataset
from preprocess.faults import ObjectFault
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """An object as the tasks get it: what they know of it, its ranges, and how many rows it has."""

    plan: Plan
    ranges: list[Range]
    rows: int

    def after(self, ranges: int, rows: int) -> list[tuple[Plan, Range]]:
        """Its tasks, numbered on from those of the objects before it."""
        return [
            (self.plan, replace(one, index=ranges + one.index, row=rows + one.row))
            for one in self.ranges
        ]


class Engine:
    """Prepares versions on a cluster; `prepare` is what `preprocess.job.process` asks for.

    `parts` are the objects that are one table together; without them it is the source itself.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        region: str,
        range_bytes: int = RANGE_BYTES,
        client: Callable[[], S3] | None = None,
        parts: Sequence[Source] = (),
    ) -> None:
        self.cluster, self.region, self.range_bytes = cluster, region, range_bytes
        self.client, self.parts = client, parts

    def prepare(self, dataset: Dataset, raw: Source, publication: Publication) -> run.Prepared:
        """Write the version's files; raise `ObjectFault` for an object that cannot be used."""
        s3 = publication.s3
        cuts = self._cuts(dataset, s3, raw, publication)
        names = cuts[0].plan.names
        tasks: list[tuple[Plan, Range]] = []
        rows = 0
        for cut in cuts:
            tasks += cut.after(len(tasks), rows)
            rows += cut.rows
        kinds = dataset.parsed(names)
        by_time = dataset.split.by is not None
        part = random(dataset.split)
        lesson = self._learnt(tasks, None if by_time else part)
        reasons, counts = lesson.told(), lesson.counts
        run.refuse_counts(dataset, reasons, counts)
        if lesson.moments is not None:
            part = lesson.moments.part()
            lesson = self._learnt(tasks, part)
        assert lesson.fit is not None  # noqa: S101 (there are good rows)
        refuse_empty(lesson.fit.sizes, dataset.split)
        fitted = lesson.fit.fitted()
        self._each("write", [(*task, fitted, part) for task in tasks])
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
                "ignored": [name for name in names if name not in dataset.columns],
                "quarantined": dict(sorted(reasons.counts.items())),
                **({"objects": _numbered(cuts)} if self.parts else {}),
            },
        )

    def _cuts(self, dataset: Dataset, s3: S3, raw: Source, publication: Publication) -> list[Cut]:
        """Cut the source, or each of its parts; raise `ObjectFault` with the faults of all."""
        if not self.parts:
            return [self._planned(dataset, s3, raw, publication)]
        cuts: list[Cut] = []
        faults: list[str] = []
        for one in self.parts:
            try:
                cuts.append(self._planned(dataset, s3, one, publication))
            except ObjectFault as fault:
                faults += [f"{one.uri}: {text}" for text in fault.faults]
                continue
            if cuts[-1].plan.names != cuts[0].plan.names:
                first, other = (", ".join(cut.plan.names) for cut in (cuts[0], cuts[-1]))
                faults.append(
                    f"{one.uri}: Its columns are {other}; those of {cuts[0].plan.source.uri} are"
                    f" {first}. The objects of one table have the same, in the same order."
                )
        if faults:
            raise ObjectFault(*faults)
        return cuts

    def _planned(self, dataset: Dataset, s3: S3, raw: Source, publication: Publication) -> Cut:
        if raw.size == 0:
            source.refuse_size(raw, timeout_seconds=1, memory_mb=1)
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
            return self._groups(replace(plan, names=table.names), table)
        names, header = _header(s3, raw, form)
        run.refuse_header(dataset, names)
        return self._text(replace(plan, names=names), s3, header)

    def _groups(self, plan: Plan, table: ParquetTable) -> Cut:
        wanted = list(table._wanted(plan.dataset.parsed(table.names)))
        found = [
            Range(index=n, first=n, last=n + 1, row=group.first + 1, line=group.first + 1)
            for n, group in enumerate(wanted)
        ]
        return Cut(plan=plan, ranges=found, rows=sum(group.rows for group in wanted))

    def _text(self, plan: Plan, s3: S3, header: int) -> Cut:
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
            placed = zip(found, rows, first, strict=False)
            return Cut(
                plan=plan,
                ranges=[replace(one, row=r, line=n) for one, r, n in placed],
                rows=sum(one.rows for one in seen),
            )
        again = lambda one: self._each("look", [(plan, one)])[0]  # noqa: E731
        settled, count = ranges.settled(found, seen, plan.width, again)
        return Cut(plan=plan, ranges=settled, rows=count)

    def _learnt(self, tasks: Sequence[tuple[Plan, Range]], part: Any) -> Lesson:
        told = [pickle.dumps(("learn", (*task, part))) for task in tasks]
        lesson: Lesson = pickle.loads(self.cluster.whole(told)) if told else Lesson()  # noqa: S301
        return lesson

    def _each(self, name: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        answers = self.cluster.each([pickle.dumps((name, one)) for one in arguments])
        return [pickle.loads(answer) for answer in answers]  # noqa: S301 (our own tasks')


def _numbered(cuts: Sequence[Cut]) -> list[dict[str, Any]]:
    """The objects of a version and the number of the first row of each."""
    first = accumulate((cut.rows for cut in cuts), initial=1)
    return [
        {"key": cut.plan.source.key, "first_row": row, "rows": cut.rows}
        for cut, row in zip(cuts, first, strict=False)
    ]


def _header(s3: S3, raw: Source, form: Form) -> tuple[list[str], int]:
    with readers() as reading:
        chunks = raw.chunks(s3, reading)
        return run.column_names(form, pieces(source.unpacked(chunks) if form.packed else chunks))
