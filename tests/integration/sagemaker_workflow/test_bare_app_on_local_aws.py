"""The constructs through the real CDK CLI: deployed, called, changed, rolled back, taken away."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import cdk_cli, small_model
from support.local_aws_server import LocalAws

TARGET = "endpoint/churn/variant/primary"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    aws: LocalAws
    folder: Path

    def cdk(self, *arguments: str, model: str) -> subprocess.CompletedProcess[str]:
        return cdk_cli.cdk(self.aws, self.folder, *arguments, environment={"MODEL_KEY": model})

    def deploy(self, *, instance_type: str, model: str) -> subprocess.CompletedProcess[str]:
        parameters = ["--parameters", f"bare:InstanceType={instance_type}"]
        return self.cdk(
            "deploy", "--app", _app(), "--require-approval", "never", *parameters, model=model
        )

    def instance_type(self) -> str:
        sagemaker = self.aws.client("sagemaker")
        name = sagemaker.describe_endpoint(EndpointName="churn")["EndpointConfigName"]
        config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
        return str(config["ProductionVariants"][0]["InstanceType"])

    def scaled(self) -> list[str]:
        scaling = self.aws.client("application-autoscaling")
        found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return [one["ResourceId"] for one in found]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("bare")
    with LocalAws.started(folder / "aws", time_factor=20) as aws:
        made = Deployment(aws=aws, folder=folder)
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="bare-artifacts")
        s3.upload_file(
            str(small_model.model_archive(folder)), "bare-artifacts", "good/model.tar.gz"
        )
        s3.upload_file(
            str(small_model.archive(folder / "app.txt")), "bare-artifacts", "bad/model.tar.gz"
        )
        s3.put_object(Bucket="bare-artifacts", Key="in/a.csv", Body=b"0.1,0.2,0.3\n0.9,0.1,0.1\n")
        cdk_cli.bootstrap(aws, folder)
        deployed = made.deploy(instance_type="ml.m5.large", model="good/model.tar.gz")
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        yield made


def test_the_endpoint_answers_and_is_registered_for_scaling(deployment: Deployment) -> None:
    reply = deployment.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="churn", Body=b"0.1,0.2,0.3", ContentType="text/csv"
    )
    assert 0 <= float(reply["Body"].read()) <= 1
    assert deployment.scaled() == [TARGET]


def test_batch_transform_is_started_with_nothing(deployment: Deployment) -> None:
    result = _execute(deployment, "{}")
    assert result["status"] == "SUCCEEDED", result
    place = json.loads(result["output"])["output"].removeprefix("s3://bare-artifacts/")
    body = deployment.aws.client("s3").get_object(Bucket="bare-artifacts", Key=f"{place}/a.csv.out")
    assert len(body["Body"].read().split()) == 2


def test_batch_transform_refuses_what_is_no_place(deployment: Deployment) -> None:
    result = _execute(deployment, '{"input": 5}')
    assert (result["status"], result["error"]) == ("FAILED", "BadRequest")


def test_the_instance_type_changes_though_the_variant_is_registered(
    deployment: Deployment,
) -> None:
    changed = deployment.deploy(instance_type="ml.m5.xlarge", model="good/model.tar.gz")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert deployment.instance_type() == "ml.m5.xlarge"
    assert deployment.scaled() == [TARGET]


def test_a_failed_update_rolls_back_and_scaling_is_there_again(deployment: Deployment) -> None:
    before = deployment.instance_type()
    other = "ml.m5.large" if before == "ml.m5.xlarge" else "ml.m5.xlarge"
    failed = deployment.deploy(instance_type=other, model="bad/model.tar.gz")
    assert failed.returncode != 0
    assert "holds no model" in failed.stdout + failed.stderr
    assert deployment.instance_type() == before
    assert deployment.scaled() == [TARGET]


def test_destroying_leaves_nothing_registered(deployment: Deployment) -> None:
    gone = deployment.cdk("destroy", "--app", _app(), "--force", model="good/model.tar.gz")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert deployment.scaled() == []
    assert deployment.aws.client("sagemaker").list_endpoints()["Endpoints"] == []


def _app() -> str:
    return cdk_cli.app(Path(__file__).with_name("bare_app.py"))


def _execute(deployment: Deployment, given: str) -> dict[str, Any]:
    states = deployment.aws.client("stepfunctions")
    [machine] = states.list_state_machines()["stateMachines"]
    arn = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=given)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = states.describe_execution(executionArn=arn["executionArn"])
        if found["status"] != "RUNNING":
            return dict(found)
        time.sleep(0.2)
    pytest.fail("the batch transform did not end in a minute")
