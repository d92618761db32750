"""Refused parameters, bad data, failing jobs and models: one clear reason, and nothing is lost."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import __main__ as ops
from ops import approve, aws, cloudformation, executions, upload
from ops.__main__ import app
from ops.errors import OpsError

REALTIME = "flights-local-endpoint-realtime"


@pytest.fixture
def answers(workflow: Any) -> Callable[[], str]:
    """What the real-time endpoint answers, which must not change when something else fails."""

    def ask() -> str:
        request = str(workflow.where.samples / "request.csv")
        told = CliRunner().invoke(app, ["invoke", "realtime", "--data", request])
        assert told.exit_code == 0, told.output
        return str(told.stdout)

    return ask


def test_an_unknown_instance_type_is_refused_and_nothing_changes(
    workflow: Any, answers: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    before, events = answers(), cloudformation.events(REALTIME)
    asked = ["deploy", REALTIME, "--parameters", f"{REALTIME}:InstanceType=ml.huge.99xlarge"]
    assert ops.main(asked) == 1
    told = capsys.readouterr().err
    assert "InstanceType" in told
    assert "ml.huge.99xlarge" in told
    assert "Traceback" not in told
    assert cloudformation.events(REALTIME) == events
    assert answers() == before


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("header.csv", b"1,2\n3,4\n", "header"),
        ("latin.csv", "month,carrier\n1,Zürich\n".encode("latin-1"), "UTF-8"),
        ("no-rows.csv", b"month,day,carrier,late\n", "late|column|row"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "PNG image"),
    ],
)
def test_a_bad_file_is_rejected_by_name_and_reason(
    workflow: Any, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(OpsError, match=sentence) as told:
        upload.upload(workflow.deployment, "flights", file)
    assert name in told.value.message


def test_a_failing_training_fails_the_execution_with_the_trainers_own_sentence(
    workflow: Any,
) -> None:
    s3, manifest = workflow.client("s3"), workflow.run.ingested.manifest
    bucket, folder = manifest["bucket"], manifest["key"].removesuffix("manifest.json")
    broken = "flights/00000000deadbeef/"
    for part in ("validation/validation.csv", "test/test.csv", "schema/schema.json"):
        source = {"Bucket": bucket, "Key": folder + part}
        s3.copy_object(Bucket=bucket, Key=broken + part, CopySource=source)
    s3.put_object(Bucket=bucket, Key=f"{broken}train/train.csv", Body=b"1,this is no number\n")
    source = {"Bucket": bucket, "Key": manifest["key"]}
    s3.copy_object(Bucket=bucket, Key=f"{broken}manifest.json", CopySource=source)
    machine = aws.published(workflow.deployment, "training/state-machine-arn")
    execution = executions.find(machine, lambda given: broken in json.dumps(given))
    assert execution is not None
    execution = executions.finish(execution.arn)
    assert execution.failed
    told = executions.failure(execution, what="PreprocessAndTrain")
    assert "train.csv" in told.message
    assert "AlgorithmError" in told.message


def broken_package(workflow: Any) -> str:
    """A further version of the group, whose archive is no model; returns its ARN."""
    sagemaker, good = workflow.client("sagemaker"), workflow.run.package
    container = good["InferenceSpecification"]["Containers"][0]
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.onnx")
        member.size = 12
        tar.addfile(member, io.BytesIO(b"not a model!"))
    broken = key.replace("model.tar.gz", "broken/model.tar.gz")
    workflow.client("s3").put_object(Bucket=bucket, Key=broken, Body=archive.getvalue())
    return str(
        sagemaker.create_model_package(
            ModelPackageGroupName=good["ModelPackageGroupName"],
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                **good["InferenceSpecification"],
                "Containers": [
                    {"Image": container["Image"], "ModelDataUrl": f"s3://{bucket}/{broken}"}
                ],
            },
        )["ModelPackageArn"]
    )


def test_a_container_that_cannot_start_rolls_back_and_the_previous_endpoint_answers(
    workflow: Any, answers: Callable[[], str]
) -> None:
    before = answers()
    rolled = approve.promote(broken_package_approved(workflow), [REALTIME])
    fault = approve.faults(rolled)
    assert fault is not None
    assert REALTIME in fault.message
    assert "AWS::SageMaker::Endpoint" in fault.message
    assert fault.log, "the container's own last lines are missing"
    assert cloudformation.status(REALTIME) == "UPDATE_ROLLBACK_COMPLETE"
    (stack,) = cloudformation.stacks(REALTIME)
    served = cloudformation.parameters(stack)["ModelPackageArn"]
    assert served == workflow.run.package["ModelPackageArn"]
    assert answers() == before


def broken_package_approved(workflow: Any) -> str:
    """The broken version, approved as a hasty person would."""
    arn = broken_package(workflow)
    approve.approve(approve.choose("flights-local", arn))
    return arn


def test_a_version_that_was_not_approved_is_refused_by_the_service(
    workflow: Any, answers: Callable[[], str]
) -> None:
    before = answers()
    rolled = approve.promote(broken_package(workflow), [REALTIME])
    fault = approve.faults(rolled)
    assert fault is not None
    assert "pproved" in fault.message
    assert answers() == before


def test_after_a_rollback_a_good_version_can_be_approved_again(workflow: Any) -> None:
    rolled = approve.promote(workflow.run.package["ModelPackageArn"], [REALTIME])
    assert approve.faults(rolled) is None


def test_a_second_make_local_is_refused_while_one_runs(
    workflow: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from ops.local.lock import held

    begun = time.monotonic()
    with held(workflow.where.lock, "make local"):
        assert ops.main(["local", "up"]) == 1
    assert "still at work in this checkout" in capsys.readouterr().err
    assert time.monotonic() - begun < 30


def test_a_stack_that_never_came_up_is_cleared_away_by_the_next_run(workflow: Any) -> None:
    name, cfn = "flights-local-halfway", workflow.client("cloudformation")
    template = {
        "Resources": {
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {"EndpointConfigName": "no-such-configuration"},
            }
        }
    }
    cfn.create_stack(StackName=name, TemplateBody=json.dumps(template))
    assert cloudformation.settle(name) == "ROLLBACK_COMPLETE"
    said: list[str] = []
    cloudformation.recover("flights-local-", said.append)
    assert said == [f"{name} is ROLLBACK_COMPLETE, it never came up: deleting it"]
    assert cloudformation.status(name) in (cloudformation.MISSING, "DELETE_COMPLETE")
