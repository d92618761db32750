"""Taking a share of what comes, evenly."""

from __future__ import annotations

import threading


class Sampler:
    """Takes a share of what it is asked about: of any hundred requests, not on average."""

    def __init__(self) -> None:
        self._credit = 0.0
        self._lock = threading.Lock()

    def take(self, share: float) -> bool:
        """Whether this one is in the share, which may change from one to the next."""
        with self._lock:
            self._credit += share
            if self._credit < 1 - 1e-9:  # ten tenths are not quite one
                return False
            self._credit -= 1
            return True
