"""The state machine of a batch transform, in the States Language with JSONata."""

from __future__ import annotations

from typing import Any

from sagemaker_workflow.batch_transform.spec import TransformJob
from sagemaker_workflow.state_machine import JITTER, fails, failure_states

# No capacity for the machines is nobody's fault and passes: wait, and ask for them again.
_CAPACITY_TRIES = 3
_CAPACITY_WAIT_SECONDS = 900
_MARGIN_SECONDS = 600


def _is_place(value: str) -> str:
    return (
        f"($not($exists({value})) or ($type({value}) = 'string'"
        f" and $substring({value}, 0, 5) = 's3://'))"
    )


_REQUEST = (
    "{% " + _is_place("$states.input.input") + " and " + _is_place("$states.input.output") + " %}"
)


def definition(job: TransformJob, name: str) -> dict[str, Any]:
    """The states; `${...}` are substitutions, known at deployment only.

    Input: `{}`, or `{"input": "s3://...", "output": "s3://..."}`, either of them. Output:
    `{"job", "model", "input", "output"}`.
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
                "Choices": [{"Condition": "{% '${ModelName}' != '' %}", "Next": "IsItARequest"}],
                "Default": "NoApprovedModel",
            },
            "NoApprovedModel": {
                "Type": "Fail",
                "Error": "NoApprovedModel",
                "Cause": "no approved model: approve a package of the group this batch transform "
                "follows, then start it again",
            },
            "IsItARequest": {
                "Type": "Choice",
                "Choices": [{"Condition": _REQUEST, "Next": "Settle"}],
                "Default": "BadRequest",
            },
            "BadRequest": {
                "Type": "Fail",
                "Error": "BadRequest",
                "Cause": "input and output, when given, are S3 locations: start the execution "
                'with {} or {"input": "s3://bucket/prefix/", "output": "s3://bucket/prefix"}',
            },
            "Settle": {"Type": "Pass", "Output": _settled(name), "Next": "Transform"},
            "Transform": _transform(job),
            "IsItCapacity": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $contains($states.input.cause, 'CapacityError')"
                        f" and $states.input.request.tried < {_CAPACITY_TRIES - 1} %}}",
                        "Output": {
                            "id": "{% $states.input.request.id %}",
                            "input": "{% $states.input.request.input %}",
                            "output": "{% $states.input.request.output %}",
                            "tried": "{% $states.input.request.tried + 1 %}",
                        },
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
            **failure_states(f"Batch transform {name} failed"),
        },
    }


def _settled(name: str) -> dict[str, str]:
    # Unique for good: the execution's ARN is, and it is too long for a job's name.
    run = f"'{name}-' & $substring($hash($states.context.Execution.Id, 'SHA-256'), 0, 12)"
    return {
        "id": "{% " + run + " %}",
        "input": "{% $exists($states.input.input) ? $states.input.input : '${Input}' %}",
        "output": "{% $exists($states.input.output) ? $states.input.output"
        f" : '${{Output}}' & '/' & {run} %}}",
        "tried": "{% 0 %}",
    }


def _transform(job: TransformJob) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        # A name may be used once, also when the request that used it was throttled.
        "TransformJobName": "{% $states.input.id & '-' & $string($states.input.tried)"
        " & '-' & $string($states.context.State.RetryCount) %}",
        "ModelName": "${ModelName}",
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "{% $states.input.input %}"}
            },
            "ContentType": job.content_type,
            "SplitType": job.split,
            "CompressionType": "None",
        },
        "TransformOutput": "{% $merge(["
        + _output(job)
        + ", "
        + _key("KmsKeyId", "OutputKey")
        + "]) %}",
        "TransformResources": "{% $merge([{'InstanceType': '${InstanceType}', 'InstanceCount':"
        f" $number('${{InstanceCount}}')}}, {_key('VolumeKmsKeyId', 'VolumeKey')}]) %}}",
        "MaxPayloadInMB": job.max_payload_mb,
        "MaxConcurrentTransforms": job.max_concurrent,
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 3},
    }
    if job.split != "None":
        arguments["BatchStrategy"] = job.strategy
    if job.environment:
        arguments["Environment"] = dict(job.environment)
    if processing := _processing(job):
        arguments["DataProcessing"] = processing
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
        "Arguments": arguments,
        "TimeoutSeconds": job.timeout_seconds,
        "Output": {
            "job": "{% $states.result.TransformJobName %}",
            "model": "{% $states.result.ModelName %}",
            "input": "{% $states.input.input %}",
            "output": "{% $states.input.output %}",
        },
        # Both cover throttling; a job that ran and failed is not tried again.
        "Retry": [
            {
                "ErrorEquals": [
                    "SageMaker.AmazonSageMakerException",
                    "SageMaker.ResourceLimitExceededException",
                ],
                "MaxAttempts": 4,
                **JITTER,
            }
        ],
        "Catch": [fails("IsItCapacity")],
        "End": True,
    }


def _output(job: TransformJob) -> str:
    accept = job.accept or job.content_type
    return (
        "{'S3OutputPath': $states.input.output, "
        f"'Accept': '{accept}', 'AssembleWith': '{job.assemble}'}}"
    )


def _key(field: str, substitution: str) -> str:
    """The key, or nothing where none may be said."""
    return f"'${{{substitution}}}' = '' ? {{}} : {{'{field}': '${{{substitution}}}'}}"


def _processing(job: TransformJob) -> dict[str, str]:
    said = {
        "InputFilter": job.input_filter,
        "OutputFilter": job.output_filter,
        "JoinSource": "Input" if job.join else None,
    }
    return {name: value for name, value in said.items() if value is not None}
