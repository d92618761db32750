"""The last state of `PreprocessAndTrain`: the model becomes a version somebody can approve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagemaker_workflow.retries import retry
from sagemaker_workflow.state_machine import fails
from sagemaker_workflow.training.images import evidence

# Of containers/inference_server, which starts with these files only, and with no pickle but these.
# Other images ignore them.
DIGEST = "INFERENCE_MODEL_DIGEST"
PICKLES = "INFERENCE_TRUSTED_PICKLES"
# What was inspected. A bucket without versions names none.
_INSPECTED = (
    "{ 'model_digest': $states.input.inspected.digest,"
    " 'model_etag': $states.input.inspected.etag },"
    " $exists($states.input.inspected.version_id)"
    " ? { 'model_version_id': $states.input.inspected.version_id } : {}"
)
_EVIDENCE = ", ".join(f"'{name}': {value}" for name, value in evidence().items())


def register_state(group: str, *, trusted_pickles: Sequence[str]) -> dict[str, Any]:
    """A package with everything a reviewer needs to approve or reject it.

    Its container has the model's digest in its environment, so whatever is made of the package
    (an endpoint of any kind, a component, a transform job) compares it with the files it was given.
    """
    environment = {DIGEST: "{% $states.input.inspected.digest %}"}
    if trusted_pickles:
        environment[PICKLES] = ",".join(trusted_pickles)
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:createModelPackage",
        "Arguments": {
            "ModelPackageGroupName": group,
            "ModelPackageDescription": "{% $dataset & ' ' & $version %}",
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": "{% $inference_image %}",
                        "ModelDataUrl": "{% $states.input.model_data %}",
                        "Environment": environment,
                    }
                ],
                "SupportedContentTypes": ["text/csv", "application/json", "application/jsonlines"],
                "SupportedResponseMIMETypes": ["text/csv", "application/json"],
            },
            "CustomerMetadataProperties": "{% $merge([$states.input.metrics,"
            " { 'dataset': $dataset, 'version': $version, 'manifest': $manifest,"
            f" 'training_job': $states.input.training_job, {_EVIDENCE} }}, {_INSPECTED}]) %}}",
            # The same job registers once, however often the call is repeated.
            "ClientToken": "{% $substring($hash($states.input.training_job, 'SHA-256'), 0, 36) %}",
        },
        "Output": {
            "model_package": "{% $states.result.ModelPackageArn %}",
            "training_job": "{% $states.input.training_job %}",
            "metrics": "{% $states.input.metrics %}",
            "manifest": "{% $manifest %}",
            "dataset": "{% $dataset %}",
            "version": "{% $version %}",
        },
        "Retry": [retry("SageMaker.SageMakerException", "SageMaker.ThrottlingException")],
        "Catch": [fails("Tell")],
        "End": True,
    }
