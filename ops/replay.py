"""Uploads that nobody took are given to Ingest again, out of its dead-letter queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops import aws
from ops.settings import Deployment

BATCH = 10  # messages SQS hands out at once
HIDDEN_SECONDS = 60  # how long a message taken here is nobody else's
WAIT_SECONDS = 1  # long polling: without it SQS asks some of its servers only, and may say none


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What became of the dead letters; `kept` are messages that name no uploaded object."""

    started: list[str]
    kept: int


def replay(deployment: Deployment, *, say: Callable[[str], None] = lambda text: None) -> Replayed:
    """Each dead letter that is an upload has started an execution of Ingest and is gone.

    A message is deleted only after its execution has started, so nothing is lost in between;
    one that is taken twice does no harm, because Ingest is idempotent.
    """
    machine = aws.published(deployment, "preprocessing/state-machine-arn")
    sqs, states = aws.client("sqs"), aws.client("stepfunctions")
    started: list[str] = []
    kept = 0
    for queue in _queues(deployment):
        seen: set[str] = set()
        while found := _received(sqs, queue, seen):
            for message in found:
                seen.add(message["MessageId"])
                event = _upload_in(message["Body"])
                if event is None:
                    kept += 1
                    continue
                states.start_execution(stateMachineArn=machine, input=json.dumps(event))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                started.append(_name(event))
                say(started[-1])
    return Replayed(started=started, kept=kept)


def _queues(deployment: Deployment) -> list[str]:
    """The addresses of the preprocessing stack's queues: all of them are for dead letters."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources")
    resources = (
        resource
        for page in pages.paginate(StackName=deployment.stack("preprocessing"))
        for resource in page["StackResourceSummaries"]
    )
    return sorted(
        resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == "AWS::SQS::Queue"
    )


def _received(sqs: Any, queue: str, seen: set[str]) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=BATCH,
        VisibilityTimeout=HIDDEN_SECONDS,
        WaitTimeSeconds=WAIT_SECONDS,
    )
    return [m for m in answer.get("Messages", []) if m["MessageId"] not in seen]


def _upload_in(body: str) -> dict[str, Any] | None:
    """The input Ingest takes: S3's event, or {bucket, key}; of the function's event its object."""
    try:
        event = json.loads(body)
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    place = event.get("object")
    if isinstance(place, dict) and {"bucket", "key"} <= place.keys():
        return place
    detail = event.get("detail")
    if isinstance(detail, dict) and isinstance(detail.get("object"), dict):
        return event
    return event if {"bucket", "key"} <= event.keys() else None


def _name(event: dict[str, Any]) -> str:
    detail = event.get("detail")
    if isinstance(detail, dict):
        return f"s3://{detail['bucket']['name']}/{detail['object']['key']}"
    return f"s3://{event['bucket']}/{event['key']}"
