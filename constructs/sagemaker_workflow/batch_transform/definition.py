"""The state machine of a batch transform, in the States Language with JSONata."""

from __future__ import annotations

import json
from typing import Any

from sagemaker_workflow.batch_transform import request
from sagemaker_workflow.batch_transform.spec import TransformFleet, TransformJob
from sagemaker_workflow.endpoints.limits import has_nvme
from sagemaker_workflow.faults import known
from sagemaker_workflow.retries import SNS_FAULTS, retry
from sagemaker_workflow.state_machine import fails, failure_states

# No capacity for the machines is nobody's fault and passes: wait, and ask for them again.
_CAPACITY_TRIES = 3
_CAPACITY_WAIT_SECONDS = 900
_MARGIN_SECONDS = 600
# A result above 256 KiB ends an execution uncaught (Step Functions quotas); a key may have 1 KiB.
_PAGE = 200
_S3_FAULTS = ["S3.S3Exception", "S3.SdkClientException"]


def definition(job: TransformJob, fleet: TransformFleet, name: str) -> dict[str, Any]:
    """The states; `${...}` are substitutions, known at deployment only.

    Input: `{}`, or any field of `request.defaults`; or S3's event about a manifest. Output, and
    `summary.json` beside the predictions: `{"status", "job", "model", "input", "output",
    "input_objects", "output_objects", "seconds"}`.
    """
    tries = job.timeout_seconds + _CAPACITY_WAIT_SECONDS + _MARGIN_SECONDS
    return {
        "Comment": f"Batch transform {name}",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": tries * _CAPACITY_TRIES,
        "StartAt": "IsThereAModel",
        "States": {
            "IsThereAModel": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% '${ModelName}' != '' %}", "Next": "Settle"}],
                "Default": "NoApprovedModel",
            },
            "NoApprovedModel": {
                "Type": "Fail",
                "Error": "NoApprovedModel",
                "Cause": "no approved model: approve a package of the group this batch transform "
                "follows, then start it again",
            },
            "Settle": {
                "Type": "Pass",
                "Output": request.settled(job, fleet, name),
                "Next": "Check",
            },
            "Check": {
                "Type": "Pass",
                "Output": {"request": "{% $states.input %}", "faults": request.faults(fleet)},
                "Next": "IsItARequest",
            },
            "IsItARequest": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $count($states.input.faults) = 0 %}",
                        "Output": "{% $states.input.request %}",
                        "Next": "Transform",
                    }
                ],
                "Default": "BadRequest",
            },
            "BadRequest": {
                "Type": "Fail",
                "Error": "BadRequest",
                "Cause": "{% $join($states.input.faults, '; ') %}",
            },
            "Transform": _transform(job, fleet),
            "IsItCapacity": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $contains($states.input.cause, 'CapacityError')"
                        f" and $states.input.request.tried < {_CAPACITY_TRIES - 1} %}}",
                        "Output": "{% $merge([$states.input.request, {'tried':"
                        " $states.input.request.tried + 1}]) %}",
                        "Next": "WaitForCapacity",
                    }
                ],
                "Default": "Tell",
            },
            "WaitForCapacity": {
                "Type": "Wait",
                "Seconds": _CAPACITY_WAIT_SECONDS,
                "Next": "Transform",
            },
            **_count("input", "", "CountOutput"),
            **_count("output", ".out", "Summarise"),
            "Summarise": _summarise(),
            "Publish": _publish(name),
            **failure_states(f"Batch transform {name} failed"),
        },
    }


def _transform(job: TransformJob, fleet: TransformFleet) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
        "Arguments": _arguments(job, fleet),
        "TimeoutSeconds": job.timeout_seconds,
        "Output": "{% $merge([$states.input, {'job': $states.result.TransformJobName,"
        " 'model': $states.result.ModelName, 'input_objects': 0, 'output_objects': 0,"
        " 'seconds': $round(($millis() - $states.input.started) / 1000)}]) %}",
        # Both cover throttling; a job that ran and failed is not tried again.
        "Retry": [
            retry(
                "SageMaker.AmazonSageMakerException",
                "SageMaker.ResourceLimitExceededException",
                attempts=4,
            )
        ],
        "Catch": [fails("IsItCapacity")],
        "Next": "CountInput",
    }


def _arguments(job: TransformJob, fleet: TransformFleet) -> str:
    """CreateTransformJob's request: what has no value is left out, for null is none."""
    types = (*fleet.allowed_types, fleet.instance_type)
    local = [one for one in types if known(one) and has_nvme(one)]
    environment = json.dumps({"Environment": dict(job.environment)} if job.environment else {})
    request = f"""$merge([{{
        "TransformJobName": $i.id & "-" & $string($i.tried)
            & "-" & $string($states.context.State.RetryCount),
        "ModelName": "${{ModelName}}",
        "TransformInput": {{
            "DataSource": {{"S3DataSource": {{
                "S3DataType": $i.data_type, "S3Uri": $i.input
            }}}},
            "ContentType": $i.content_type,
            "SplitType": $i.split,
            "CompressionType": "None"
        }},
        "TransformOutput": $merge([{{
            "S3OutputPath": $i.output,
            "Accept": $type($i.accept) = "null" ? $i.content_type : $i.accept,
            "AssembleWith": $i.assemble
        }}, "${{OutputKey}}" = "" ? {{}} : {{"KmsKeyId": "${{OutputKey}}"}}]),
        "TransformResources": $merge([{{
            "InstanceType": $i.instance_type, "InstanceCount": $i.instance_count
        }}, $i.instance_type in {json.dumps(sorted(set(local)))} ? {{}}
            : {{"VolumeKmsKeyId": "${{VolumeKey}}"}}]),
        "MaxPayloadInMB": $i.max_payload_mb,
        "MaxConcurrentTransforms": $i.max_concurrent,
        "ModelClientConfig": {{"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 3}}
    }},
    $i.split = "None" ? {{}} : {{"BatchStrategy": $i.strategy}},
    $processing = {{}} ? {{}} : {{"DataProcessing": $processing}},
    {environment}
    ])"""
    processing = (
        '$merge([$type($i.input_filter) = "null" ? {} : {"InputFilter": $i.input_filter},'
        ' $type($i.output_filter) = "null" ? {} : {"OutputFilter": $i.output_filter},'
        ' $i.join ? {"JoinSource": "Input"} : {}])'
    )
    said = f"( $i := $states.input; $processing := {processing}; {request} )"
    # A name may be used once, also when the request that used it was throttled.
    return "{% " + " ".join(said.split()) + " %}"


def _count(which: str, suffix: str, next_: str) -> dict[str, Any]:
    """Count the objects under a location, page by page."""
    state, field = f"Count{which.capitalize()}", f"{which}_objects"
    place = f"$substringAfter($states.input.{which}, 's3://')"
    arguments = (
        f"$merge([{{'Bucket': $substringBefore({place}, '/'),"
        f" 'Prefix': $substringAfter({place}, '/'), 'MaxKeys': {_PAGE}}},"
        " $exists($states.input.more) ? {'ContinuationToken': $states.input.more} : {}])"
    )
    counted = f"$count($states.result.Contents[$contains(Key, '{suffix}')])" if suffix else (
        "$count($states.result.Contents)"
    )  # fmt: skip
    kept = "$sift($states.input, function($v, $k) { $k != 'more' })"
    output = (
        f"$merge([{kept}, {{'{field}': $states.input.{field} + {counted}}},"
        " $exists($states.result.NextContinuationToken)"
        " ? {'more': $states.result.NextContinuationToken} : {}])"
    )
    return {
        state: {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2",
            "Arguments": "{% " + arguments + " %}",
            "Output": "{% " + output + " %}",
            "Retry": [retry(*_S3_FAULTS, attempts=4)],
            "Catch": [fails("Tell")],
            "Next": f"IsThatAll{which.capitalize()}",
        },
        f"IsThatAll{which.capitalize()}": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $exists($states.input.more) %}", "Next": state}],
            "Default": next_,
        },
    }


_SUMMARY = (
    "{'status': 'Completed', 'job': $states.input.job, 'model': $states.input.model,"
    " 'input': $states.input.input, 'output': $states.input.output,"
    " 'input_objects': $states.input.input_objects,"
    " 'output_objects': $states.input.output_objects, 'seconds': $states.input.seconds}"
)


def _summarise() -> dict[str, Any]:
    place = "$substringAfter($states.input.output, 's3://')"
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Arguments": {
            "Bucket": "{% $substringBefore(" + place + ", '/') %}",
            "Key": "{% $substringAfter(" + place + ", '/') & '/summary.json' %}",
            "ContentType": "application/json",
            "Body": "{% " + _SUMMARY + " %}",
        },
        "Output": "{% " + _SUMMARY + " %}",
        "Retry": [retry(*_S3_FAULTS, attempts=4)],
        "Catch": [fails("Tell")],
        "Next": "Publish",
    }


def _publish(name: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Arguments": {
            "TopicArn": "${Results}",
            "Subject": f"Batch transform {name} is done"[:100],
            "Message": "{% $string($states.input) %}",
        },
        "Output": "{% $states.input %}",
        "Retry": [retry(*SNS_FAULTS)],
        "Catch": [fails("Tell")],
        "End": True,
    }
