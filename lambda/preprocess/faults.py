"""What a person reads when a whole object cannot be used."""

from __future__ import annotations

from collections.abc import Sequence


class DatasetRejected(Exception):  # noqa: N818 (the name is the errorType callers match on)
    """An object, or the declaration it is read by, cannot become a dataset; nothing is published.

    `faults` are whole sentences, each with the thing, the value found and what is allowed. The
    message joins them, so that one look at a failed execution is enough to repair everything.
    """

    def __init__(self, subject: str, faults: Sequence[str], change: str) -> None:
        self.subject, self.faults, self.change = subject, tuple(faults), change
        listed = " ".join(f"({n}) {fault}" for n, fault in enumerate(faults, 1))
        super().__init__(
            f"{subject} was rejected: {faults[0] if len(faults) == 1 else listed} {change}"
        )


class DatasetTooLarge(DatasetRejected):
    """An object takes longer to read than the function has; another engine may have more time."""


class ObjectFault(Exception):  # noqa: N818 (a finding about the data, not an error of ours)
    """Raised by the readers with every fault of the object found so far."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__(" ".join(faults))


class SizeFault(ObjectFault):
    """Raised when the object's size alone is at fault."""
