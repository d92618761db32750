"""The states of `Ingest`: one uploaded object through the preprocessing function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_workflow.preprocessing.spark_job import (
    ATTEMPTS,
    KEEP,
    WAIT_SECONDS,
    SparkCluster,
    spark_states,
)
from sagemaker_workflow.retries import SQS_FAULTS, retry, retry_function
from sagemaker_workflow.state_machine import fails, failure_states, refuse

_TURNS = 72  # six hours: the function takes few objects at once
_WAITING_SECONDS = 6 * 3600
# A run that did not end by itself: Step Functions Developer Guide, "Error names" and "Handle
# transient Lambda service exceptions". `S3Error` is the function's own, after its own attempts.
_BROKEN = ["S3Error", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown", "States.Timeout"]
# The object is to blame, and would be each time.
_REFUSED = ["DatasetRejected", "DatasetTooLarge"]

_FROM_EVENT = """{%
( $object := $states.input.detail.object;
  { "bucket": $states.input.detail.bucket.name, "key": $object.key,
    "version_id": $object.`version-id`, "etag": $object.etag,
    "size": $object.size, "sequencer": $object.sequencer } )
%}"""


_IS_OBJECT = "$exists($states.input.bucket) and $exists($states.input.key)"
_NAME = (
    "{% '${SparkJobPrefix}-' & $substring($hash($states.context.Execution.Id, 'SHA-256'), 0, 16) %}"
)
_PACKED = r"$contains($lowercase($states.input.key), /\.(gz|parquet)$/)"


def ingest(
    dataset: Mapping[str, Any],
    *,
    function_timeout_seconds: int,
    spark: SparkCluster | None = None,
    region: str = "",
) -> dict[str, Any]:
    """The definition, with `${Function}`, `${OutputBucket}`, `${Topic}`, `${DeadLetters}` open.

    Input: S3's "Object Created" event, or {"bucket", "key"}. Output: the function's result. With
    `spark`, an object above its limit goes to a Spark job, as does one asked for with
    {"bucket", "key", "engine": "spark"}. A file that is refused ends the execution as
    `DatasetRejected` with the function's words; for any other reason its request is kept among the
    dead letters too, to be given to `Ingest` again.
    """
    one = "What size is it?" if spark else "Preprocess"
    states: dict[str, Any] = {
        "Read the request": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $exists($states.input.detail.object.key) %}",
                    "Assign": {"upload": _FROM_EVENT},
                    "Output": _FROM_EVENT,
                    "Next": one,
                },
                {
                    "Condition": "{% " + _IS_OBJECT + " %}",
                    "Assign": {"upload": "{% $states.input %}"},
                    "Next": one,
                },
            ],
            "Default": "Refuse the request",
        },
        "Preprocess": _preprocess(dataset, function_timeout_seconds, spark=spark is not None),
        KEEP: _keep(),
        "Refuse the request": refuse(
            'the input must be S3\'s "Object Created" event from EventBridge,'
            ' or {"bucket": "<name>", "key": "<key>"}'
        ),
        **failure_states(f"{dataset['name']}: an upload could not be preprocessed"),
    }
    if spark is not None:
        states |= {**_routing(spark), **spark_states(spark, dataset, region=region)}
    return {
        "Comment": f"Preprocess one uploaded object of {dataset['name']}",
        "QueryLanguage": "JSONata",
        # Its turn, then three more attempts after the first, and the waits between them.
        "TimeoutSeconds": _WAITING_SECONDS
        + 4 * function_timeout_seconds
        + 300
        + (WAIT_SECONDS + (ATTEMPTS + 1) * spark.max_runtime_seconds if spark else 0),
        "StartAt": "Read the request",
        "States": states,
    }


def _preprocess(dataset: Mapping[str, Any], timeout_seconds: int, *, spark: bool) -> dict[str, Any]:
    # Only its first bytes tell that an object is packed: its key may say something else.
    larger = {"ErrorEquals": ["DatasetTooLarge"], "Output": "{% $states.input %}"}
    to_spark = [{**larger, "Next": "Name its Spark job"}] if spark else []
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "TimeoutSeconds": timeout_seconds,
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
            *retry_function(turns=_TURNS),
            retry(*_BROKEN, attempts=1, first_seconds=10),
        ],
        "Catch": [*to_spark, {**fails("Tell"), "ErrorEquals": _REFUSED}, fails(KEEP)],
        "End": True,
    }


def _keep() -> dict[str, Any]:
    """What was asked for is a dead letter; that the queue does not take it changes nothing."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": "${DeadLetters}", "MessageBody": "{% $string($upload) %}"},
        "Output": "{% $states.input %}",
        "Retry": [retry(*SQS_FAULTS)],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.input %}", "Next": "Tell"}],
        "Next": "Tell",
    }


def _routing(spark: SparkCluster) -> dict[str, Any]:
    """States that find out an object's size and send it to one engine or the other."""
    limit = f"({_PACKED} ? {spark.packed_limit} : {spark.size_limit})"
    return {
        "What size is it?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $states.input.engine = 'spark'"
                    f" or ($exists($states.input.size) and $states.input.size > {limit}) %}}",
                    "Next": "Name its Spark job",
                },
                {"Condition": "{% $exists($states.input.size) %}", "Next": "Preprocess"},
            ],
            "Default": "Ask its size",
        },
        "Name its Spark job": {
            "Type": "Pass",
            "Assign": {"sparkJob": _NAME, "sparkAttempt": "{% 0 %}"},
            "Next": "Ask Spark",
        },
        "Ask its size": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:headObject",
            "Arguments": {
                "Bucket": "{% $states.input.bucket %}",
                "Key": "{% $states.input.key %}",
            },
            "Output": "{% $merge([$states.input,"
            " {'size': $number($states.result.ContentLength)}]) %}",
            "Retry": [retry("States.TaskFailed", attempts=2)],
            # The function says of an object that is gone what there is to say.
            "Catch": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "Output": "{% $states.input %}",
                    "Next": "Preprocess",
                }
            ],
            "Next": "What size is it?",
        },
    }
