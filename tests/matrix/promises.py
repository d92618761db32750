"""What a row of the matrix promised, held against what was seen."""

from __future__ import annotations

from measure import Measured
from support.load import Report

LEAST_RATE = 49.0  # 50 a second, and the load generator's own start


def kept(seen: Measured) -> None:
    """Nothing was lost, the name survived, the new version answered, a refusal left the old."""
    row, load = seen.row, seen.load
    assert load.rate >= LEAST_RATE, f"{row.id}: {load}"
    assert load.sent == load.succeeded + len(load.failed)
    if row.promise == "announced":
        assert not seen.survives, f"{row.id} need not be announced any more"
        return
    assert load.failed == [], f"{row.id}: {load.failed[:3]}"
    assert seen.survives
    if row.answers is not None:
        assert load.by_answer[row.answers] > 0, f"{row.id}: nobody was answered by the new one"
    if row.promise == "refused":
        _refused(seen)
    else:
        assert seen.succeeded, seen.said
        _answers_only_old_or_new(load)
    if row.scaled_to is not None:
        assert (seen.count_before, seen.count_after) == (row.scaled_to, row.scaled_to)


def _refused(seen: Measured) -> None:
    assert not seen.succeeded, f"{seen.row.id} was not refused"
    assert seen.row.says in seen.said, seen.said
    assert seen.status == "UPDATE_ROLLBACK_COMPLETE"


def _answers_only_old_or_new(load: Report) -> None:
    assert len(load.by_answer) <= 2, load.by_answer
