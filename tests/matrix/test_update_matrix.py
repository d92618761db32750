"""Every way to update an endpoint, under 50 requests a second from before to after it.

`make matrix` runs all rows and writes docs/update-matrix.md; `make test` runs the hardest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from deployment import Deployment
from measure import HEAD, Measured, measure
from promises import kept
from rows import ROWS, SHORT, Row
from table import write

DOCUMENT = Path(__file__).parents[2] / "docs/update-matrix.md"
BY_ID = {row.id: row for row in ROWS}


@pytest.mark.parametrize("row", SHORT)
def test_the_hardest_update_loses_no_request(deployment: Deployment, row: str) -> None:
    kept(measure(deployment, BY_ID[row]))


@pytest.fixture(scope="module")
def seen() -> Iterator[list[Measured]]:
    measured: list[Measured] = []
    yield measured
    write(DOCUMENT, measured)


@pytest.mark.matrix
@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_the_update_keeps_its_promise(
    deployment: Deployment, seen: list[Measured], row: Row
) -> None:
    measured = measure(deployment, row)
    print(" | ".join(measured.cells))  # noqa: T201  shown with a failing test
    kept(measured)
    seen.append(measured)


def test_the_document_has_every_row() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    found = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    assert found == [HEAD[0], *(row.title for row in ROWS)]
