"""Refuse once, with everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from aws_cdk import Token

# CDK encodes a number's token as one around -1.9e289.
_LEAST_KNOWN = -1e200


class RefusedError(ValueError):
    """What was asked for cannot work; the text says what to change, to the person who asked."""


@dataclass(kw_only=True, slots=True)
class Faults:
    """Collects what is wrong with one object and raises it as one RefusedError, a ValueError.

    Values that are only known at deploy time (CloudFormation parameters) are let through: their
    allowed values are checked on the parameter. `of` names the object, or is asked for its name
    once there is a fault: a construct's path is two calls into Node.

    >>> faults = Faults(of="endpoint churn")
    >>> faults.unless_between("max_concurrency", 500, 1, 200, "lower it")
    >>> faults.raise_any()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    sagemaker_workflow.faults.RefusedError: endpoint churn: max_concurrency is 500, allowed ...
    """

    of: str | Callable[[], str]
    found: list[str] = field(default_factory=list)

    def add(self, fault: str) -> None:
        self.found.append(fault)

    def extend(self, faults: Iterable[str]) -> None:
        self.found.extend(faults)

    def unless_one_of(
        self, name: str, value: object, allowed: Sequence[object], advice: str = ""
    ) -> None:
        """A fault unless the value is one of those allowed (or not known yet)."""
        if known(value) and value not in allowed:
            listed = ", ".join(str(one) for one in allowed)
            self.add(f"{name} is {value!r}, allowed is one of {listed}: {advice or 'choose one'}")

    def unless_between(
        self, name: str, value: float, low: float, high: float, advice: str = ""
    ) -> None:
        """A fault unless low <= value <= high (or not known yet)."""
        if known(value) and not low <= value <= high:
            advice = advice or ("raise it" if value < low else "lower it")
            self.add(f"{name} is {value}, allowed is {low} to {high}: {advice}")

    def raise_any(self) -> None:
        """Raise ValueError with every fault found, if there is one."""
        if self.found:
            lines = self.found[0] if len(self.found) == 1 else "\n  - " + "\n  - ".join(self.found)
            of = self.of if isinstance(self.of, str) else self.of()
            raise RefusedError(f"{of}: {lines}")


def known(value: object) -> bool:
    """False when the value is a token: a parameter's value is not known before the deployment."""
    # Asking CDK is a call into Node; what cannot be a token need not be asked about.
    if isinstance(value, str) and "${" not in value:
        return True
    if isinstance(value, int | float) and value > _LEAST_KNOWN:
        return True
    return not Token.is_unresolved(value)
