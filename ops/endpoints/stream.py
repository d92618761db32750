"""An endpoint's answer as it comes."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator

from ops import aws
from ops.endpoints.answers import refusal
from ops.endpoints.found import Endpoint
from ops.errors import OpsError

EVENT = "data:"  # how a line of server-sent events begins


def stream(endpoint: Endpoint, body: bytes, *, content_type: str, accept: str) -> Iterator[bytes]:
    """The parts of the endpoint's answer, each as soon as it is there."""
    from botocore.exceptions import ClientError, EventStreamError

    if endpoint.kind == "async":
        raise OpsError(
            f"{endpoint.name} is asynchronous and answers in S3", fix="ask it without STREAM"
        )
    try:
        answer = aws.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
            **endpoint.target, Body=body, ContentType=content_type, Accept=accept
        )
        for event in answer["Body"]:
            yield event["PayloadPart"]["Bytes"]
    except EventStreamError as fault:
        raise OpsError(
            f"{endpoint.asked} broke off its answer: {aws.error_message(fault)}"
        ) from fault
    except ClientError as fault:
        raise refusal(endpoint, fault) from fault


def readable(parts: Iterable[bytes]) -> Iterator[str]:
    """The text in the parts: a language model's tokens, everything else as it is.

    Parts end anywhere, also within a line or a character.
    """
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    waiting, events = "", False
    for part in parts:
        *whole, waiting = (waiting + decode(part)).split("\n")
        for line in whole:
            events = line.startswith(EVENT) or (events and not line)
            yield _token(line) if events else f"{line}\n"
        if not waiting.startswith(EVENT) and not EVENT.startswith(waiting):
            yield waiting
            waiting = ""
    waiting += decode(b"", final=True)
    yield _token(waiting) if waiting.startswith(EVENT) else waiting


def _token(line: str) -> str:
    """The token of an event of OpenAI's form; any other event as it is."""
    said = line.removeprefix(EVENT).strip()
    if said in ("", "[DONE]"):
        return ""
    try:
        choice = json.loads(said)["choices"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        return f"{line}\n"
    return str(choice.get("text") or (choice.get("delta") or {}).get("content") or "")
