"""A model's bytes are looked at before it is registered, and compared wherever it is served."""

from __future__ import annotations

import hashlib
import json
import pickle
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hostile_archives import ARCHIVES, SMALL, Write, member, members, packed
from typer.testing import CliRunner

from inference_server.models.folder import digest
from local_aws.runtime.archives import extract
from ops import approve, aws, cloudformation, executions, training
from ops.__main__ import app

REALTIME = "flights-local-endpoint-realtime"
PICKLE = members(member("model.onnx"), member("weights.pkl", pickle.dumps({})))
OTHER = members(member("model.onnx", b"other trees"), member("schema.json", b"{}"))


def place(workflow: Any) -> tuple[str, str]:
    """Bucket and key of the served model's archive."""
    [container] = workflow.run.package["InferenceSpecification"]["Containers"]
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    return bucket, key


def folder_digest(workflow: Any, tmp_path: Path) -> str:
    """What the server finds in the archive, unpacked."""
    bucket, key = place(workflow)
    archive = tmp_path / "model.tar.gz"
    workflow.client("s3").download_file(bucket, key, str(archive))
    extract(archive, tmp_path / "model", url=key)
    return digest(tmp_path / "model")


def provenance() -> tuple[int, str]:
    told = CliRunner().invoke(app, ["provenance", "realtime"])
    return told.exit_code, " ".join(told.output.split()) + str(told.exception or "")


def test_the_package_says_the_digest_that_the_server_finds_and_starts_it_with_that(
    workflow: Any, tmp_path: Path
) -> None:
    """botocore, sagemaker 2017-07-24: ModelPackageContainerDefinition.Environment."""
    package = workflow.run.package
    said = package["CustomerMetadataProperties"]
    [container] = package["InferenceSpecification"]["Containers"]
    assert said["model_digest"] == folder_digest(workflow, tmp_path)
    assert container["Environment"] == {"INFERENCE_MODEL_DIGEST": said["model_digest"]}
    bucket, key = place(workflow)
    now = workflow.client("s3").head_object(Bucket=bucket, Key=key)
    assert (said["model_version_id"], said["model_etag"]) == (
        now["VersionId"],
        now["ETag"].strip('"'),
    )
    code, told = provenance()
    assert code == 0
    assert f"model_digest {said['model_digest']}" in told
    assert "archive the object that was inspected" in told


@pytest.fixture
def replaced(workflow: Any) -> Iterator[str]:
    """The served model's archive holds other files now; returns what their digest is."""
    bucket, key = place(workflow)
    s3 = workflow.client("s3")
    version = s3.put_object(Bucket=bucket, Key=key, Body=packed(OTHER))["VersionId"]
    lines = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (("model.onnx", b"other trees"), ("schema.json", b"{}"))
    )
    yield hashlib.sha256(lines.encode()).hexdigest()
    s3.delete_object(Bucket=bucket, Key=key, VersionId=version)


@pytest.fixture
def same_model_again(workflow: Any) -> Iterator[str]:
    """A further version of the group with the served model's own specification, approved."""
    good, sagemaker = workflow.run.package, workflow.client("sagemaker")
    made = sagemaker.create_model_package(
        ModelPackageGroupName=good["ModelPackageGroupName"],
        ModelApprovalStatus="Approved",
        InferenceSpecification=good["InferenceSpecification"],
    )
    yield str(made["ModelPackageArn"])
    sagemaker.delete_model_package(ModelPackageName=made["ModelPackageArn"])


def test_an_archive_that_was_replaced_is_not_served_and_the_endpoint_stays(
    workflow: Any, replaced: str, same_model_again: str
) -> None:
    request = ["invoke", "realtime", "--data", str(workflow.where.samples / "request.csv")]
    before = CliRunner().invoke(app, request)
    assert before.exit_code == 0, before.output
    code, told = provenance()
    assert code == 1
    assert "was replaced after it was inspected" in told

    rolled = approve.promote(same_model_again, [REALTIME])

    fault = approve.faults(rolled)
    assert fault is not None
    registered = workflow.run.package["CustomerMetadataProperties"]["model_digest"]
    sentence = f"the model's digest is {replaced}, INFERENCE_MODEL_DIGEST says {registered}"
    assert sentence in "".join(fault.log or ""), f"{fault.message}\n{fault.log}"
    assert cloudformation.status(REALTIME) == "UPDATE_ROLLBACK_COMPLETE"
    after = CliRunner().invoke(app, request)
    assert (after.exit_code, after.stdout) == (0, before.stdout)


def test_after_that_the_version_that_was_inspected_is_served_again(workflow: Any) -> None:
    rolled = approve.promote(workflow.run.package["ModelPackageArn"], [REALTIME])
    assert approve.faults(rolled) is None
    assert provenance()[0] == 0


def inspect(workflow: Any, write: Write) -> str:
    """What the deployed function says of an archive among the models; "" when it takes it."""
    key = f"training/flights/hostile-{uuid.uuid4()}/output/model.tar.gz"
    bucket, _ = place(workflow)
    workflow.client("s3").put_object(Bucket=bucket, Key=key, Body=packed(write))
    [name] = [
        one["PhysicalResourceId"]
        for one in workflow.client("cloudformation").list_stack_resources(
            StackName="flights-local-training"
        )["StackResourceSummaries"]
        if one["LogicalResourceId"].startswith("PreprocessAndTrainInspectModel")
        and one["ResourceType"] == "AWS::Lambda::Function"
    ]
    made = workflow.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps({"uri": f"s3://{bucket}/{key}"}).encode()
    )
    answer = json.loads(made["Payload"].read())
    return str(answer["errorMessage"]) if "FunctionError" in made else ""


def test_the_deployed_function_refuses_every_hostile_archive(workflow: Any) -> None:
    said = {name: inspect(workflow, ARCHIVES[name]) for name in SMALL}
    assert [name for name, words in said.items() if " is refused: " not in words] == []
    assert "a bomb" not in said  # 200 MB: the function's own tests unpack it
    assert inspect(workflow, OTHER) == ""


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (ARCHIVES["a way out"], "member '../evil' points outside the model folder"),
        (PICKLE, "weights.pkl is a pickle, which can run any code"),
    ],
    ids=["a way out", "a pickle"],
)
def test_a_hostile_archive_is_told_and_never_registered(
    workflow: Any, write: Write, sentence: str
) -> None:
    """Its training job is the execution's own already, so that its archive can be replaced."""
    machine = aws.published(workflow.deployment, "training/state-machine-arn")
    name = f"hostile-{uuid.uuid4()}"
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    manifest = workflow.run.ingested.manifest
    trained(workflow, execution, manifest["key"], packed(write))
    before = training.packages("flights-local")

    workflow.client("stepfunctions").start_execution(
        stateMachineArn=machine, name=name, input=json.dumps({"manifest": manifest["uri"]})
    )
    ended = executions.finish(execution)

    assert ended.failed
    told = executions.failure(ended, what="PreprocessAndTrain")
    assert sentence in told.message
    history = workflow.client("stepfunctions").get_execution_history(
        executionArn=execution, maxResults=1000
    )["events"]
    entered = [e["stateEnteredEventDetails"]["name"] for e in history if "stateEntered" in str(e)]
    assert entered[-3:] == ["Inspect the model", "Tell", "Failed"]
    published = [e for e in history if e["type"] == "TaskSucceeded" and "MessageId" in str(e)]
    assert published, "nobody was told"
    assert training.packages("flights-local") == before


def trained(workflow: Any, execution: str, manifest: str, archive: bytes) -> None:
    """The job that the execution will ask for is done, and its archive is this one."""
    version = manifest.split("/")[1][:8]
    number = hashlib.sha256(execution.encode()).hexdigest()[:12]
    name = f"flights-local-{version}-{number}"
    like = training.describe(workflow.run.package["CustomerMetadataProperties"]["training_job"])
    assert like is not None
    sagemaker = workflow.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName=name,
        HyperParameters={"num_round": "1"},
        Environment={"WORKFLOW_EXECUTION": execution},
        **{
            member: like[member]
            for member in (
                *("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig"),
                *("ResourceConfig", "StoppingCondition", "EnableNetworkIsolation"),
            )
        },
    )
    while (job := training.describe(name)) is not None:
        if job["TrainingJobStatus"] != "InProgress":
            break
    assert job is not None
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    workflow.client("s3").put_object(Bucket=bucket, Key=key, Body=archive)
