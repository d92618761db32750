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
    assert result["status"] == "SUCCEEDED", (result["error"], result["cause"])
    summary = json.loads(result["output"])
    place = summary["output"].removeprefix("s3://bare-artifacts/")
    s3 = deployment.aws.client("s3")
    body = s3.get_object(Bucket="bare-artifacts", Key=f"{place}/a.csv.out")["Body"].read()
    assert len(body.split()) == 2
    assert (summary["input_objects"], summary["output_objects"]) == (1, 1)
    assert summary["seconds"] >= 0
    written = s3.get_object(Bucket="bare-artifacts", Key=f"{place}/summary.json")["Body"].read()
    assert json.loads(written) == summary


def test_a_run_may_differ_from_the_job(deployment: Deployment) -> None:
    """contracts 6: a joined CSV has the prediction behind its record's columns."""
    given = {"output": "s3://bare-artifacts/out/joined", "join": True, "instance_count": 2}
    result = _execute(deployment, json.dumps(given))
    assert result["status"] == "SUCCEEDED", (result["error"], result["cause"])
    s3 = deployment.aws.client("s3")
    body = s3.get_object(Bucket="bare-artifacts", Key="out/joined/a.csv.out")["Body"].read()
    assert [len(line.split(b",")) for line in body.splitlines()] == [4, 4]


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (
            {"input": 5},
            "input is 5, allowed is an S3 location: write one like s3://bucket/prefix/",
        ),
        (
            {"splitt": "Line"},
            "unknown field splitt, allowed is those of docs/endpoints/batch.md: correct or "
            "remove it",
        ),
        (
            {"max_payload_mb": 60, "max_concurrent": 2},
            "max_payload_mb times max_concurrent is 120, allowed is at most 100: lower one of them",
        ),
        (
            {"instance_type": "ml.p9.large", "instance_count": 0},
            "instance_type is ml.p9.large, allowed is one of ml.m5.xlarge; "
            "instance_count is 0, allowed is a whole number from 1 to 100",
        ),
        (
            {"split": "Row", "join": "yes", "input_filter": "[1:]"},
            "split is Row, allowed is one of Line, RecordIO, TFRecord, None; "
            "join is yes, allowed is true or false; "
            "input_filter is [1:], allowed is a JSONPath of up to 63 characters that starts with $:"
            " write one like $[1:]",
        ),
    ],
)
def test_batch_transform_refuses_by_the_fields_name(
    deployment: Deployment, given: dict[str, Any], cause: str
) -> None:
    result = _execute(deployment, json.dumps(given))
    assert (result["status"], result["error"]) == ("FAILED", "BadRequest")
    assert result["cause"] == cause


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
