"""The states of `Backfill`: every object under a prefix through `Ingest` again, many at once."""

from __future__ import annotations

import json
from typing import Any

from sagemaker_workflow.retries import retry
from sagemaker_workflow.state_machine import fails, failure_states, refuse

# The label is part of the ARNs of the children, which policies name.
LABEL = "Objects"
# Standard executions can be redriven for two weeks; what takes longer is hung.
TIMEOUT_SECONDS = 14 * 24 * 3600


def results_prefix(dataset: str) -> str:
    """Where results lie in the processed bucket: outside the folder where manifests are awaited."""
    return f"backfills/{dataset}"


def backfill(
    dataset: str, *, max_concurrency: int, tolerated_failure_percent: int
) -> dict[str, Any]:
    """The definition, with `${Ingest}`, `${RawBucket}`, `${OutputBucket}` and `${Topic}` left open.

    Input: {"prefix": "<dataset>/..."}. Output: {"map_run", "results"}, the results' manifest in
    S3. A bad object fails its own child execution and no other one, until more than the tolerated
    share of all has failed.
    """
    folder = f"{dataset}/"
    return {
        "Comment": f"Preprocess every object under a prefix of {dataset} again",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": TIMEOUT_SECONDS,
        "StartAt": "Read the request",
        "States": {
            "Read the request": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $type($states.input.prefix) = 'string'"
                        f" ? $substring($states.input.prefix, 0, {len(folder)})"
                        f" = {json.dumps(folder)} : false %}}",
                        "Next": "Each object",
                    }
                ],
                "Default": "Refuse the request",
            },
            "Each object": {
                "Type": "Map",
                "Label": LABEL,
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:listObjectsV2",
                    "Arguments": {
                        "Bucket": "${RawBucket}",
                        "Prefix": "{% $states.input.prefix %}",
                    },
                },
                "ItemSelector": {
                    "bucket": "${RawBucket}",
                    "key": "{% $states.context.Map.Item.Value.Key %}",
                    "size": "{% $states.context.Map.Item.Value.Size %}",
                    # As many trainings as objects, at once, are not what somebody asks for who
                    # prepares a folder once more.
                    "starts_training": False,
                },
                "MaxConcurrency": max_concurrency,
                "ToleratedFailurePercentage": tolerated_failure_percent,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Is it a folder?",
                    "States": _child(),
                },
                "ResultWriter": {
                    "Resource": "arn:aws:states:::s3:putObject",
                    "Arguments": {
                        "Bucket": "${OutputBucket}",
                        "Prefix": f"{{% '{results_prefix(dataset)}/'"
                        " & $states.context.Execution.Name %}",
                    },
                },
                "Output": {
                    "map_run": "{% $states.result.MapRunArn %}",
                    "results": "{% 's3://' & $states.result.ResultWriterDetails.Bucket & '/'"
                    " & $states.result.ResultWriterDetails.Key %}",
                },
                "Catch": [fails("Tell")],
                "End": True,
            },
            "Refuse the request": refuse(
                f'the input must be {{"prefix": "{folder}..."}}: only uploads of {dataset} can be'
                " preprocessed again"
            ),
            **failure_states(f"{dataset}: a backfill ended early"),
        },
    }


def _child() -> dict[str, Any]:
    """One object through `Ingest`, which tells of a bad one itself, and knows Spark."""
    return {
        "Is it a folder?": {
            "Type": "Choice",
            # Consoles make an empty object whose key ends in a slash where a person makes a folder.
            "Choices": [
                {"Condition": r"{% $contains($states.input.key, /\/$/) %}", "Next": "A folder"}
            ],
            "Default": "Ingest",
        },
        "A folder": {"Type": "Succeed"},
        "Ingest": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": "${Ingest}", "Input": "{% $states.input %}"},
            "Output": "{% $states.result.Output %}",
            "Retry": [retry("StepFunctions.ExecutionLimitExceededException")],
            "Catch": [fails("Rejected")],
            "End": True,
        },
        "Rejected": {
            "Type": "Fail",
            "Error": "{% $states.input.error %}",
            "Cause": "{% $states.input.cause %}",
        },
    }
