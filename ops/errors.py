"""What an ops command says when it cannot go on: the reason, what to do, the log behind it."""

from __future__ import annotations

from collections.abc import Sequence


class OpsError(Exception):
    """A failure a person can act on; the command line prints it without a trace and exits 1."""

    def __init__(
        self,
        message: str,
        *,
        fix: str | None = None,
        log: Sequence[str] = (),
        log_name: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.log = list(log)
        self.log_name = log_name
