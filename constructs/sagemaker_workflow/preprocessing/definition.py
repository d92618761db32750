"""The states of `Ingest`: one uploaded object through the preprocessing function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_workflow.state_machine import (
    JITTER,
    LAMBDA_BUSY,
    LAMBDA_FAULTS,
    fails,
    failure_states,
    refuse,
)

# The function takes few objects at once (its reserved concurrency); the others wait their turn
# here. With full jitter a wait is five minutes on average: six hours.
_TURNS = {"MaxAttempts": 72, **JITTER, "IntervalSeconds": 30, "MaxDelaySeconds": 600}
_WAITING_SECONDS = 6 * 3600

_FROM_EVENT = """{%
( $object := $states.input.detail.object;
  { "bucket": $states.input.detail.bucket.name, "key": $object.key,
    "version_id": $object.`version-id`, "etag": $object.etag,
    "size": $object.size, "sequencer": $object.sequencer } )
%}"""


def ingest(dataset: Mapping[str, Any], *, function_timeout_seconds: int) -> dict[str, Any]:
    """The definition, with `${Function}`, `${OutputBucket}` and `${Topic}` left open.

    Input: S3's "Object Created" event, or {"bucket", "key"}. Output: the function's result.
    A file the function refuses ends the execution as `DatasetRejected` with the function's words.
    """
    return {
        "Comment": f"Preprocess one uploaded object of {dataset['name']}",
        "QueryLanguage": "JSONata",
        # Its turn, then two more attempts after the first, and the waits between them.
        "TimeoutSeconds": _WAITING_SECONDS + 3 * function_timeout_seconds + 300,
        "StartAt": "Read the request",
        "States": {
            "Read the request": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $exists($states.input.detail.object.key) %}",
                        "Output": _FROM_EVENT,
                        "Next": "Preprocess",
                    },
                    {
                        "Condition": "{% $exists($states.input.bucket)"
                        " and $exists($states.input.key) %}",
                        "Next": "Preprocess",
                    },
                ],
                "Default": "Refuse the request",
            },
            "Preprocess": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "TimeoutSeconds": function_timeout_seconds,
                "Arguments": {
                    "FunctionName": "${Function}",
                    "Payload": {
                        "object": "{% $states.input %}",
                        "dataset": dict(dataset),
                        "output": {"bucket": "${OutputBucket}"},
                    },
                },
                "Output": "{% $states.result.Payload %}",
                "Retry": [
                    {"ErrorEquals": LAMBDA_FAULTS, "MaxAttempts": 2, **JITTER},
                    {"ErrorEquals": LAMBDA_BUSY, **_TURNS},
                ],
                "Catch": [fails("Tell")],
                "End": True,
            },
            "Refuse the request": refuse(
                'the input must be S3\'s "Object Created" event from EventBridge,'
                ' or {"bucket": "<name>", "key": "<key>"}'
            ),
            **failure_states(f"{dataset['name']}: an upload could not be preprocessed"),
        },
    }
