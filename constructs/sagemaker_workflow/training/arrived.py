"""A manifest that arrived by itself: whether it starts a training, or a newer one has its place."""

from __future__ import annotations

from typing import Any

from sagemaker_workflow.retries import retry
from sagemaker_workflow.state_machine import fails


def arrived_states(*, then: str) -> dict[str, Any]:
    """States that end the execution of a manifest nobody wants trained, or go to `then`.

    Entered at "Read the manifest" with {"bucket", "key", "version", "id"}, of S3's event. Not
    wanted is one that a backfill wrote (`starts_training` is false), and one of an object that was
    overwritten and whose newer version stands: events of the two may come in any order, and a
    model of the older data must not be the newest one in the registry. Whoever asks for a manifest
    by its name gets a training.
    """
    return {
        "Read the manifest": _read(
            "{% $merge([{ 'Bucket': $states.input.bucket, 'Key': $states.input.key },"
            " $exists($states.input.version) ? { 'VersionId': $states.input.version } : {}]) %}",
            "said",
            then="Does it start a training?",
        ),
        "Does it start a training?": {
            "Type": "Choice",
            "Choices": [
                _ends("$states.input.said.starts_training = false", "published by a backfill"),
                {
                    "Condition": "{% $type($states.input.said.latest) = 'string' %}",
                    "Next": "Read what is latest",
                },
            ],
            "Default": then,
        },
        "Read what is latest": _read(
            {"Bucket": "{% $states.input.bucket %}", "Key": "{% $states.input.said.latest %}"},
            "stands",
            then="Is it superseded?",
        ),
        "Is it superseded?": {
            "Type": "Choice",
            "Choices": [
                _ends(
                    "$states.input.said.version in $states.input.stands.replaced",
                    "superseded by version ' & $states.input.stands.version & '",
                )
            ],
            "Default": then,
        },
        "Not trained on": {"Type": "Succeed"},
    }


def _read(arguments: str | dict[str, str], name: str, *, then: str) -> dict[str, Any]:
    """Add a JSON object of S3 to the input, under a name."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Arguments": arguments,
        "Output": f"{{% $merge([$states.input, {{ '{name}': $parse($states.result.Body) }}]) %}}",
        "Retry": [retry("States.TaskFailed")],
        "Catch": [fails("Tell")],
        "Next": then,
    }


def _ends(condition: str, why: str) -> dict[str, Any]:
    return {
        "Condition": f"{{% {condition} %}}",
        "Output": {
            "status": f"{{% 'not trained on: {why}' %}}",
            "manifest": "{% 's3://' & $states.input.bucket & '/' & $states.input.key %}",
        },
        "Next": "Not trained on",
    }
