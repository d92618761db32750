"""The measured matrix as a table in a document; what is around the table stays.

Rows are measured one by one, on whatever commit is checked out then, so each names its own.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from measure import Measured
from rows import ROWS, Row

HEAD = [
    "change",
    "promise",
    "CloudFormation replaces",
    "name survives",
    "requests lost",
    "answered by the new",
    "instances or copies",
    "a rollback leaves",
    "at",
]
NOT_MEASURED, NOT_KEPT = "not measured", "**not kept**"
_REPOSITORY = Path(__file__).parents[2]
# What a row's outcome depends on.
_TOLD_BY = ("constructs", "containers", "lambda", "local_aws", "tests/matrix", "tests/support")


def cells(seen: Measured) -> list[str]:
    """A row of the table."""
    row, load = seen.row, seen.load
    lost = f"{len(load.failed)} of {load.sent} at {load.rate:.0f}/s"
    return [
        row.title,
        row.promise,
        ", ".join(name.removeprefix("AWS::SageMaker::") for name in seen.replaced) or "nothing",
        "yes" if seen.survives else "no",
        "; ".join([lost, *([seen.slept.cell] if seen.slept else [])]),
        "-" if seen.by_the_new is None else str(seen.by_the_new),
        "-" if row.counts is None else f"{seen.counts[0]} -> {seen.counts[1]}",
        "-"
        if seen.succeeded
        else f"{seen.status}, "
        + ("the config from before" if seen.same_config else "another config"),
        commit(),
    ]


def write(document: Path, row: Row, measured: list[str]) -> None:
    """The document has this row anew, and every other one as it was."""
    found = _found(document)
    found[row.title] = measured
    _replace(document, [found.get(one.title, _unmeasured(one)) for one in ROWS])


def write_not_kept(document: Path, row: Row) -> None:
    """The document says that the row did not keep its promise at this commit."""
    blank = ["-"] * (len(HEAD) - 4)
    write(document, row, [row.title, row.promise, NOT_KEPT, *blank, commit()])


def unmeasured(document: Path) -> list[str]:
    """The ids of rows that the document has no kept measurement of."""
    found = _found(document)
    return [
        row.id
        for row in ROWS
        if row.title not in found or {NOT_MEASURED, NOT_KEPT} & set(found[row.title])
    ]


def titles(document: Path) -> list[str]:
    return [cells[0] for cells in _lines(document)[2:]]


def commit() -> str:
    """The commit checked out, with a + when what a row depends on is not as committed."""
    said = [
        subprocess.run(
            ["git", *arguments],
            cwd=_REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        ).stdout.strip()
        for arguments in (
            ("rev-parse", "--short=7", "HEAD"),
            ("status", "--porcelain", "--untracked-files=no", "--", *_TOLD_BY),
        )
    ]
    return f"{said[0] or 'unknown'}{'+' if said[1] else ''}"


def _unmeasured(row: Row) -> list[str]:
    return [row.title, row.promise, NOT_MEASURED, *["-"] * (len(HEAD) - 3)]


def _found(document: Path) -> dict[str, list[str]]:
    return {cells[0]: cells for cells in _lines(document)[2:] if len(cells) == len(HEAD)}


def _lines(document: Path) -> list[list[str]]:
    text = document.read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text
        if line.startswith("|")
    ]


def _replace(document: Path, rows: list[list[str]]) -> None:
    table = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    table += ["| " + " | ".join(one) + " |" for one in rows]
    text = document.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(text) if line.startswith("|"))
    end = next((n for n in range(start, len(text)) if not text[n].startswith("|")), len(text))
    document.write_text("\n".join([*text[:start], *table, *text[end:]]) + "\n", encoding="utf-8")
