"""What can go wrong, each with the sentence a person is shown."""

from __future__ import annotations

from collections.abc import Mapping


class ModelLoadError(Exception):
    """The model folder cannot be served; the message says what was found and what is needed."""


class RequestError(Exception):
    """The client's fault: answered with `status` and the message as JSON."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

    def bare(self) -> RequestError:
        """Itself, to be kept: without the frames it was raised through.

        They hold the request's body, its rows and often the error itself, which is a cycle: large
        refused bodies would stay in memory until a collection comes by.
        """
        self.__context__ = None
        return self.with_traceback(None)


def refuse_encoded(headers: Mapping[str, str]) -> None:
    """Raise RequestError 415 for a body that may be a thousand times as large as it looks."""
    encoding = headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise RequestError(f"Content-Encoding {encoding[:50]!r} is not supported", 415)
