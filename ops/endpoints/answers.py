"""What endpoints answer and refuse, in a person's words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ops import aws, logs
from ops.endpoints.found import Endpoint
from ops.errors import OpsError

CONTENT_TYPES = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What an endpoint answered, and how long it took in milliseconds."""

    body: str
    content_type: str
    milliseconds: float
    where: str = ""


def content_type_of(path: Path) -> str:
    """The content type a file's name stands for."""
    try:
        return CONTENT_TYPES[path.suffix.lower()]
    except KeyError:
        raise OpsError(
            f"{path.name}: its ending does not say what it holds",
            fix="name it *.csv, *.json or *.jsonl, or give --content-type",
        ) from None


def refusal(endpoint: Endpoint, fault: Exception) -> OpsError:
    """An endpoint's refusal as a sentence: what the model said, and where its logs are."""
    response = getattr(fault, "response", {})
    group = endpoint.log_group
    if aws.error_code(fault) != "ModelError":
        return OpsError(f"{endpoint.asked} refuses the request: {aws.error_message(fault)}")
    status = response.get("OriginalStatusCode")
    said = str(response.get("OriginalMessage") or aws.error_message(fault)).strip()
    theirs = isinstance(status, int) and 400 <= status < 500
    return OpsError(
        f"the model behind {endpoint.asked} answered {status}: {said}",
        fix=(
            "correct the request"
            if theirs
            else f"read the container's log: python -m ops local logs {group}"
        ),
        log=[] if theirs else logs.tail(group),
        log_name=group,
    )


def first_prediction(answer: Answer) -> str:
    """The first prediction of an answer in a few words, for the closing table."""
    try:
        first = json.loads(answer.body)["predictions"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        line = answer.body.strip().splitlines()[0] if answer.body.strip() else "nothing"
        return line[:60]
    if "value" in first:
        return f"{float(first['value']):.4g}"
    chances = first.get("probabilities") or {}
    chance = chances.get(str(first.get("label")))
    return f"{first.get('label')}" + (f" (p {float(chance):.2f})" if chance is not None else "")
