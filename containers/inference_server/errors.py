"""What can go wrong, each with the sentence a person is shown."""

from __future__ import annotations


class ModelLoadError(Exception):
    """The model folder cannot be served; the message says what was found and what is needed."""


class RequestError(Exception):
    """The client's fault: answered with `status` and the message as JSON."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
