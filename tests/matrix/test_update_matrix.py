"""Every way to update an endpoint, under 50 requests a second from before to after it.

`make matrix` runs all rows and writes each into docs/update-matrix.md as it is measured;
`make matrix ROWS="alarm half-way"` runs some, `make matrix ROWS=unmeasured` those the document has
no result of. `make test` runs the hardest.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from deployment import Deployment
from measure import RATE, measure
from promises import TooSlowError, kept
from rows import ROWS, SHORT, Row
from table import cells, titles, unmeasured, write, write_not_kept

DOCUMENT = Path(__file__).parents[2] / "docs/update-matrix.md"
BY_ID = {row.id: row for row in ROWS}


def chosen(asked: str) -> list[Row]:
    """The rows that ROWS names: all when it is empty."""
    ids = unmeasured(DOCUMENT) if asked == "unmeasured" else asked.split() or list(BY_ID)
    unknown = [id_ for id_ in ids if id_ not in BY_ID]
    if unknown:
        raise pytest.UsageError(
            f"ROWS has {' '.join(unknown)}, allowed are unmeasured and {' '.join(BY_ID)}"
        )
    return [BY_ID[id_] for id_ in ids]


@pytest.mark.parametrize("row", SHORT)
def test_the_hardest_update_loses_no_request(deployment: Deployment, row: str) -> None:
    """At half the rate: this runs on every machine, beside other tests."""
    kept(measure(deployment, BY_ID[row], rate=RATE / 2), least_rate=RATE / 4)


@pytest.mark.matrix
@pytest.mark.timeout(900)  # two deployments, and what they wait for; on a busy machine too
@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.id) for row in chosen(os.environ.get("ROWS", ""))]
)
def test_the_update_keeps_its_promise(deployment: Deployment, row: Row) -> None:
    seen = measure(deployment, row)
    measured = cells(seen)
    print(" | ".join(measured))  # noqa: T201  shown with a failing test
    try:
        kept(seen)
    except TooSlowError:
        raise  # what was measured before on a machine with time still holds
    except AssertionError:
        write_not_kept(DOCUMENT, row)
        raise
    write(DOCUMENT, row, measured)


def test_the_document_has_every_row() -> None:
    assert titles(DOCUMENT) == [row.title for row in ROWS]
