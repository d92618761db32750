"""What reads requests, in this process: runs in the server's own environment, not in the tests'.

A seed is one byte for the format, one for the wish, and a body; or one byte past the formats, one
for the method, and a path and a body with a line's end between them, for a server of many models.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from types import SimpleNamespace
from typing import Any

from inference_server.errors import RequestError
from inference_server.many import Models
from inference_server.models.base import Answer, Request
from inference_server.models.load import load
from inference_server.settings import read_settings

KINDS = (
    "text/csv",
    "application/json",
    "application/jsonlines",
    "application/x-npy",
    "application/x-parquet",
)
WISHES = ("application/json", "text/csv", "application/x-npy", "application/jsonlines", "*/*")
METHODS = (b"POST", b"GET", b"DELETE", b"PUT")


class _Asked(Models):
    """Reads what it is asked to load, and loads nothing."""

    def _load(self, exchange: Any) -> None:
        self._asked(exchange.request.body)
        exchange.reply(Answer(b"", "application/json"))


class Decoders:
    """A model's, and those of a server of many models."""

    def __init__(self, base: str) -> None:
        logging.disable()  # each refusal is logged
        settings = read_settings({"SAGEMAKER_BASE_DIR": base, "SAGEMAKER_MULTI_MODEL": "true"})
        self.model: Any = load(settings)
        remembered = tempfile.TemporaryFile()  # noqa: SIM115  the process's own, to its end
        loop = asyncio.new_event_loop()
        dispatcher: Any = None
        self.many = _Asked(settings, loop, os.dup(remembered.fileno()), dispatcher)

    def answered(self, seed: bytes) -> bool:
        """Whether there was an answer, or else a reason. Raises anything that is neither."""
        if seed[0] % (len(KINDS) + 1) == len(KINDS):
            return self._asked(seed)
        try:
            answer = self.model.answer(request_of(seed))
        except RequestError:
            return False
        assert answer.status == 200
        return True

    def _asked(self, seed: bytes) -> bool:
        path, _, body = seed[2:].partition(b"\n")
        replies: list[Answer] = []
        exchange: Any = SimpleNamespace(
            method=METHODS[seed[1] % len(METHODS)],
            path=path,
            request=Request(body, {}),
            reply=replies.append,
        )
        if not self.many.handle(exchange):
            return False
        (answer,) = replies
        assert answer.status < 500
        return answer.status == 200


def request_of(seed: bytes) -> Request:
    """The request that a seed is."""
    kind, wish = KINDS[seed[0] % (len(KINDS) + 1)], WISHES[seed[1] % len(WISHES)]
    return Request(seed[2:], {"content-type": kind, "accept": wish})
