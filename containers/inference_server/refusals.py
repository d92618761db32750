"""Answers that say why there is no other."""

from __future__ import annotations

import orjson

from inference_server.models.base import Answer
from inference_server.wire import JSON


def error_answer(status: int, message: str) -> Answer:
    """The JSON object that every refusal and failure is."""
    # A script's error may hold half a character, which no encoding can write.
    text = " ".join(message.split()).encode("utf-8", "replace").decode()
    return Answer(orjson.dumps({"error": text}), JSON, status)


def wrong_method(path: str, allowed: str) -> Answer:
    """A 405, which must say what is allowed (RFC 9110, 15.5.6)."""
    answer = error_answer(405, f"{path} takes {allowed}")
    answer.headers = {"allow": allowed}
    return answer
