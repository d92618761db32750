"""The first states of `PreprocessAndTrain`: from what it was asked to the manifest to train on."""

from __future__ import annotations

from typing import Any

from sagemaker_workflow.retries import retry
from sagemaker_workflow.state_machine import fails
from sagemaker_workflow.training.arrived import arrived_states

_IS_MANIFEST = r"$contains($states.input.key, /^[^\/]+\/[^\/]+\/manifest\.json$/)"


def request_states(*, then: str) -> dict[str, Any]:
    """States that bind $manifest, $folder, $dataset, $version, $job, $attempt, and go to `then`.

    Asked by S3's event of a manifest, by {"manifest": "s3://..."}, by {"bucket", "key"} of one, or
    by {"raw": {"bucket", "key"}}: that object goes through Ingest first. If Ingest publishes a new
    version, its manifest starts an execution of its own and this one ends; training here as well
    would train twice. If nothing changed, no manifest arrives, and this execution trains. A
    manifest that arrives is looked at first (`arrived_states`).
    """
    return {
        "Read the request": {
            "Type": "Choice",
            "Choices": [
                _choice(
                    "$exists($states.input.detail.object.key)",
                    "{ 'bucket': $states.input.detail.bucket.name,"
                    " 'key': $states.input.detail.object.key, 'arrived': true,"
                    " 'version': $states.input.detail.object.`version-id`,"
                    " 'id': $exists($states.input.id)"
                    " ? $states.input.id : $states.context.Execution.Id }",
                ),
                _choice(
                    r"$exists($states.input.manifest) and"
                    r" $contains($states.input.manifest, /^s3:\/\/[^\/]+\/.+/)",
                    "( $parts := $split($substringAfter($states.input.manifest, 's3://'), '/');"
                    " { 'bucket': $parts[0], 'key': $join($parts[[1..9]], '/'),"
                    " 'id': $states.context.Execution.Id } )",
                ),
                _choice(
                    "$exists($states.input.bucket) and $exists($states.input.key)",
                    "{ 'bucket': $states.input.bucket, 'key': $states.input.key,"
                    " 'id': $states.context.Execution.Id }",
                ),
                {
                    "Condition": "{% $exists($states.input.raw.bucket)"
                    " and $exists($states.input.raw.key) %}",
                    "Output": "{% $states.input.raw %}",
                    "Next": "Ingest",
                },
            ],
            "Default": "Refuse the request",
        },
        "Ingest": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": "${Ingest}", "Input": "{% $states.input %}"},
            "Output": "{% $states.result.Output %}",
            "Retry": [retry("StepFunctions.ExecutionLimitExceededException")],
            "Catch": [fails("Tell")],
            "Next": "Is the dataset new?",
        },
        "Is the dataset new?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $states.input.status = 'published' %}",
                    "Output": {
                        "status": "handed over: the new manifest starts an execution of its own",
                        "manifest": "{% $states.input.manifest.uri %}",
                    },
                    "Next": "Handed over",
                }
            ],
            "Default": "Take the manifest that is there",
        },
        "Handed over": {"Type": "Succeed"},
        "Take the manifest that is there": {
            "Type": "Pass",
            "Output": {
                "bucket": "{% $states.input.manifest.bucket %}",
                "key": "{% $states.input.manifest.key %}",
                "id": "{% $states.context.Execution.Id %}",
            },
            "Next": "Is it a manifest?",
        },
        "Is it a manifest?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% " + _IS_MANIFEST + " and $states.input.arrived = true %}",
                    "Next": "Read the manifest",
                },
                {"Condition": "{% " + _IS_MANIFEST + " %}", "Next": "Locate the dataset"},
            ],
            "Default": "Refuse the request",
        },
        **arrived_states(then="Locate the dataset"),
        "Locate the dataset": {
            "Type": "Pass",
            "Assign": {
                "dataset": "{% $split($states.input.key, '/')[0] %}",
                "version": "{% $split($states.input.key, '/')[1] %}",
                "manifest": "{% 's3://' & $states.input.bucket & '/' & $states.input.key %}",
                "folder": "{% 's3://' & $states.input.bucket & '/'"
                " & $substringBefore($states.input.key, 'manifest.json') %}",
                # An event delivered twice asks for the same name again, which the service refuses:
                # that execution ends as unchanged. Every execution by hand trains anew.
                "job": "{% '${JobPrefix}-' & $substring($split($states.input.key, '/')[1], 0, 8)"
                " & '-' & $substring($hash($states.input.id, 'SHA-256'), 0, 12) %}",
                "attempt": "{% 0 %}",
            },
            "Next": then,
        },
    }


def _choice(condition: str, output: str) -> dict[str, Any]:
    return {
        "Condition": "{% " + condition + " %}",
        "Output": "{% " + output + " %}",
        "Next": "Is it a manifest?",
    }
