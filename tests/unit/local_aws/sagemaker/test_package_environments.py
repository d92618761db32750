"""What a model package's container is to be started with, it is started with.

botocore, sagemaker 2017-07-24: ModelPackageContainerDefinition.Environment, ContainerDefinition
with ModelPackageName; contracts.md 9.1.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.runtime.transform import TransformOutcome
from local_aws.sagemaker import transform_jobs

DIGEST = {"INFERENCE_MODEL_DIGEST": "0" * 64}


def package(aws: Aws) -> str:
    """An approved version whose container has an environment."""
    container = {"Image": aws.image, "ModelDataUrl": aws.model_data, "Environment": DIGEST}
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    made = aws.call(
        "CreateModelPackage",
        ModelPackageGroupName="flights",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    return str(made["ModelPackageArn"])


def served(aws: Aws, **container: Any) -> None:
    aws.model(ModelPackageName=package(aws), Image=None, ModelDataUrl=None, **container)


@pytest.mark.parametrize(
    "compute",
    [
        {},
        {
            "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1},
            "InstanceType": None,
            "InitialInstanceCount": None,
        },
    ],
    ids=["instances", "serverless"],
)
def test_an_endpoints_container_has_it(aws: Aws, compute: dict[str, Any]) -> None:
    served(aws)
    aws.endpoint("flights", aws.variant(**compute))
    [running] = aws.containers.running
    assert running.spec.container.environment == DIGEST


def test_a_models_own_variables_come_on_top(aws: Aws) -> None:
    served(aws, Environment={"INFERENCE_THREADS": "2"})
    aws.endpoint()
    [running] = aws.containers.running
    assert running.spec.container.environment == {**DIGEST, "INFERENCE_THREADS": "2"}


def test_a_transform_jobs_container_has_it(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[dict[str, str]] = []

    def run(job: Any, spec: Any, **_: Any) -> TransformOutcome:
        ran.append(copy.deepcopy(spec.environment))
        return TransformOutcome(status="Completed")

    monkeypatch.setattr(transform_jobs, "run_transform_job", run)
    served(aws)
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://in/"}
    aws.call(
        "CreateTransformJob",
        TransformJobName="job",
        ModelName="model",
        TransformInput={"DataSource": {"S3DataSource": source}},
        TransformOutput={"S3OutputPath": "s3://out/"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    aws.eventually(lambda: ran)
    assert ran == [DIGEST]
