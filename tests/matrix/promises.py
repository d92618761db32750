"""What a row of the matrix promised, held against what was seen."""

from __future__ import annotations

from measure import Measured

LEAST_RATE = 49.0  # 50 a second, and the load generator's own start
_STARVED_SECONDS = 30.0  # no answer takes that long but where a machine has far too much to do
_SHARE = 0.1  # of sixty answers, one in ten either way


class TooSlowError(AssertionError):
    """The machine had too little time for the load: nothing is known about the promise."""


def kept(seen: Measured, *, least_rate: float = LEAST_RATE) -> None:
    """Nothing was lost, the name survived, the new version answered, a refusal left the old."""
    row, load = seen.row, seen.load
    if load.rate < least_rate or (load.latencies and load.latency(99) > _STARVED_SECONDS):
        raise TooSlowError(f"{row.id}: {load}")
    assert load.sent == load.succeeded + len(load.failed)
    if row.promise == "announced":
        assert not seen.survives, f"{row.id} need not be announced any more"
        return
    assert load.failed == [], f"{row.id}: {load.failed[:3]}"
    assert seen.survives
    if row.meanwhile is not None:
        assert seen.meanwhile, f"{row.id}: {row.meanwhile!r} never answered; {seen.said[-2000:]}"
    if row.refused:
        _refused(seen)
    else:
        assert seen.succeeded, seen.said
        assert bool(seen.shadows) is row.after.shadow
    _answers(seen)
    _counts(seen)
    if row.asleep:
        _woke(seen)


def _refused(seen: Measured) -> None:
    assert not seen.succeeded, f"{seen.row.id} was not refused"
    assert seen.row.says in seen.said, seen.said
    if seen.row.names_alarm:
        assert any(name in seen.said for name in seen.alarms), (seen.alarms, seen.said)
    assert seen.status == "UPDATE_ROLLBACK_COMPLETE"


def _answers(seen: Measured) -> None:
    """After the update there are the answers that were promised, in their shares."""
    row, total = seen.row, seen.versions.total()
    assert total, f"{row.id}: nothing was answered after the update; {seen.load}"
    assert set(seen.versions) == set(row.answers), seen.versions
    for answer, share in row.answers.items():
        assert abs(seen.versions[answer] / total - share) <= _SHARE, seen.versions
    if not row.refused:
        stayed = seen.processes_before & seen.processes_after
        assert bool(stayed) is not row.anew, f"{row.id}: {stayed or 'none'} answered on"


def _counts(seen: Measured) -> None:
    row = seen.row
    if row.counts is None:
        return
    assert seen.counts == row.counts
    if row.before.scaled is not None:  # it was the load that brought it there
        started = row.before.count if row.before.kind == "components" else seen.configured
        assert started != row.counts[0]


def _woke(seen: Measured) -> None:
    assert seen.slept is not None
    assert seen.slept.others == [], seen.slept.others[:3]
    assert seen.slept.documented, f"{seen.row.id}: no request came while there was no copy"
    assert seen.slept.report.succeeded, f"{seen.row.id}: nobody woke it; {seen.slept.report}"
