"""`python -m ops replay`: dead letters become executions of Ingest."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from support.aws_fakes import Paginated

from ops import aws, replay
from ops.settings import Deployment

UPLOAD = {"detail": {"bucket": {"name": "raw"}, "object": {"key": "flights/a b.csv"}}}
CALL = {"object": {"bucket": "raw", "key": "flights/b.csv"}, "dataset": {}, "output": {}}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A queue of messages, and what was started and deleted, in order."""
    found: dict[str, Any] = {"messages": [], "done": [], "fails": False}

    def start(**request: str) -> None:
        if found["fails"]:
            raise RuntimeError("throttled")
        found["done"].append(("start", json.loads(request["input"])))

    def delete(**request: str) -> None:
        found["done"].append(("delete", request["ReceiptHandle"]))
        found["messages"] = [
            m for m in found["messages"] if m["MessageId"] != request["ReceiptHandle"]
        ]

    clients = {
        "sqs": SimpleNamespace(
            receive_message=lambda **_: {"Messages": found["messages"][:10]}, delete_message=delete
        ),
        "stepfunctions": SimpleNamespace(start_execution=start),
        "cloudformation": Paginated(
            list_stack_resources=lambda **_: {
                "StackResourceSummaries": [
                    {"ResourceType": "AWS::SQS::Queue", "PhysicalResourceId": "queue"},
                    {"ResourceType": "AWS::IAM::Role", "PhysicalResourceId": "role"},
                ]
            }
        ),
    }
    monkeypatch.setattr(aws, "client", clients.__getitem__)
    monkeypatch.setattr(aws, "published", lambda *_: "machine")
    return found


def _messages(*bodies: object) -> list[dict[str, str]]:
    return [
        {"MessageId": str(n), "ReceiptHandle": str(n), "Body": json.dumps(body)}
        for n, body in enumerate(bodies)
    ]


def _replayed() -> replay.Replayed:
    return replay.replay(Deployment(project="flights", env="local"))


def test_each_upload_is_started_and_only_then_deleted(log: dict[str, Any]) -> None:
    log["messages"] = _messages(UPLOAD, CALL)

    done = _replayed()

    assert done.started == ["s3://raw/flights/a b.csv", "s3://raw/flights/b.csv"]
    assert log["done"] == [
        ("start", UPLOAD),
        ("delete", "0"),
        ("start", CALL["object"]),
        ("delete", "1"),
    ]


def test_a_message_that_names_no_upload_stays(log: dict[str, Any]) -> None:
    log["messages"] = _messages(["?"], {"other": 1})

    assert _replayed() == replay.Replayed(started=[], kept=2)
    assert log["done"] == []


def test_what_cannot_be_started_is_not_deleted(log: dict[str, Any]) -> None:
    log["messages"], log["fails"] = _messages(UPLOAD), True

    with pytest.raises(RuntimeError, match="throttled"):
        _replayed()

    assert len(log["messages"]) == 1
