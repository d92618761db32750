"""One server with a trained model, for every test of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support import sagemaker_on_local_aws as local
from support.local_aws_server import LocalAws


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A server, and what a training job on it left."""

    aws: LocalAws
    role: str
    inference_image: str
    artifacts: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """A server that enforces IAM and shortens waits, where a job trained a model for real."""
    with LocalAws.started(tmp_path_factory.mktemp("aws"), enforce=True, time_factor=60) as aws:
        role = local.role(aws, "flights-execution", local.ROLE_POLICY)
        trainer = local.image(aws, "trainer", "trainer")
        channels = local.channels(local.dataset(aws, "flights"))
        sagemaker = aws.client("sagemaker")
        sagemaker.create_training_job(
            TrainingJobName="flights",
            RoleArn=role,
            AlgorithmSpecification={
                "TrainingImage": trainer,
                "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": "test:auc", "Regex": "metric test:auc=([0-9.eE+-]+)"}
                ],
            },
            InputDataConfig=channels,
            OutputDataConfig={"S3OutputPath": "s3://flights/out"},
            ResourceConfig={
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 5,
            },
            StoppingCondition={"MaxRuntimeInSeconds": 600},
            HyperParameters={"num_round": "5"},
        )
        job = local.wait_for(
            lambda: sagemaker.describe_training_job(TrainingJobName="flights"), "TrainingJobStatus"
        )
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert {m["MetricName"] for m in job["FinalMetricDataList"]} == {"test:auc"}
        yield Trained(
            aws=aws,
            role=role,
            inference_image=local.image(aws, "inference_server", "inference_server"),
            artifacts=job["ModelArtifacts"]["S3ModelArtifacts"],
        )
