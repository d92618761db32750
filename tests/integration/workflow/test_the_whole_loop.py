"""`make local` from nothing to four kinds of endpoint, and a second time as an update."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import aws, cloudformation, training
from ops.__main__ import app
from ops.local.up import up

KINDS = {"realtime": "real-time", "serverless": "serverless", "async": "async"}


def test_ends_with_every_stage_told(workflow: Any) -> None:
    for stage in ("cdk bootstrap", "cdk deploy --all", "upload and Ingest", "PreprocessAndTrain"):
        assert f"✔ {stage}" in workflow.shown
    for name, kind in KINDS.items():
        assert f"flights-local-{name} ({kind}): " in workflow.shown
    assert "2,000 rows to s3://" in workflow.shown


def test_tells_the_rows_that_went_in_and_out(workflow: Any) -> None:
    done = workflow.run.ingested
    assert done.status == "published"
    parts = ("train", "validation", "test", "quarantined")
    assert sum(done.rows[part] for part in parts) == done.rows["in"] == 20_000
    # A flight that never arrived has no arrival delay, so nothing to learn from.
    assert done.rows["quarantined"] > 0


def test_the_model_is_better_than_chance_and_says_where_it_comes_from(workflow: Any) -> None:
    metadata = workflow.run.package["CustomerMetadataProperties"]
    assert float(metadata["test:auc"]) > 0.65
    assert metadata["version"] == workflow.run.ingested.version
    job = training.describe(metadata["training_job"])
    assert job is not None
    assert training.metrics(job)["test:auc"] == pytest.approx(float(metadata["test:auc"]), abs=1e-4)


def test_the_model_package_names_the_bytes_that_trained_and_those_that_serve(
    workflow: Any,
) -> None:
    package = workflow.run.package
    metadata = package["CustomerMetadataProperties"]
    job = training.describe(metadata["training_job"])
    assert job is not None
    assert job["AlgorithmSpecification"]["TrainingImage"] == metadata["trainer_image"]
    [container] = package["InferenceSpecification"]["Containers"]
    assert container["Image"] == metadata["inference_image"]
    for name in ("trainer", "inference"):
        uri, _, digest = metadata[f"{name}_image"].partition("@")
        found = aws.client("ecr").describe_images(
            repositoryName=uri.partition("/")[2],
            imageIds=[{"imageTag": metadata[f"{name}_code"]}],
        )
        assert found["imageDetails"][0]["imageDigest"] == digest


@pytest.mark.parametrize("endpoint", ["realtime", "serverless", "async"])
def test_an_endpoint_runs_the_bytes_that_were_registered(workflow: Any, endpoint: str) -> None:
    told = CliRunner().invoke(app, ["provenance", endpoint])
    assert told.exit_code == 0, told.output
    said = "".join(told.output.split())  # the screen breaks long lines
    for name in ("inference_image", "trainer_image", "training_job"):
        assert workflow.run.package["CustomerMetadataProperties"][name] in said


def test_every_stack_that_serves_the_group_has_the_version_by_its_parameter(workflow: Any) -> None:
    served = {
        s["StackName"]: cloudformation.parameters(s)["ModelPackageArn"]
        for s in cloudformation.stacks("flights-local-")
        if "ModelPackageArn" in cloudformation.parameters(s)
    }
    assert set(served) == {"flights-local-batch", *(f"flights-local-endpoint-{n}" for n in KINDS)}
    assert set(served.values()) == {workflow.run.package["ModelPackageArn"]}


def test_a_second_run_is_an_update_that_changes_nothing(workflow: Any) -> None:
    before = training.packages("flights-local")
    run = workflow.again()
    up(run)
    assert run.ingested is not None
    assert run.ingested.status == "unchanged"
    assert training.packages("flights-local") == before
    assert isinstance(run.screen.console.file, io.StringIO)
    told = run.screen.console.file.getvalue()
    assert "is running already" in told
    assert "done before" in told
    assert "0 stacks updated, 7 unchanged" in told
    assert "data unchanged: model version 1 (Approved) stays" in told
    assert "0 stacks updated, 4 had it" in told


def test_diff_finds_no_difference_after_a_deploy(workflow: Any) -> None:
    told = CliRunner().invoke(app, ["diff", "--fail"])
    assert told.exit_code == 0, told.output
    assert "Number of stacks with differences: 0" in told.output


def test_a_one_off_parameter_holds_until_the_next_deploy(workflow: Any) -> None:
    stack = "flights-local-batch"

    def count() -> str:
        (found,) = cloudformation.stacks(stack)
        return cloudformation.parameters(found)["InstanceCount"]

    configured = count()
    override = f"{stack}:InstanceCount=2"
    told = CliRunner().invoke(app, ["deploy", stack, "--parameters", override])
    assert told.exit_code == 0, told.output
    assert "holds until the next deploy" in told.output
    assert count() == "2"
    assert CliRunner().invoke(app, ["deploy", stack]).exit_code == 0
    assert count() == configured != "3"
    # A deploy never touches the model that promotion chose.
    (found,) = cloudformation.stacks(stack)
    package = workflow.run.package["ModelPackageArn"]
    assert cloudformation.parameters(found)["ModelPackageArn"] == package


def test_status_and_exports_are_those_of_this_local_aws(workflow: Any) -> None:
    told = CliRunner().invoke(app, ["local", "status"]).output
    assert workflow.server.url in told
    assert "IAM enforced" in told
    assert "endpoint flights-local-realtime" in told
    exported = CliRunner().invoke(app, ["local", "env"]).output
    assert f"export AWS_ENDPOINT_URL={workflow.server.url}\n" in exported
    assert all(line.startswith("export ") for line in exported.splitlines())


def test_the_published_names_are_enough_to_find_everything(workflow: Any) -> None:
    names = aws.published_under(workflow.deployment, "endpoints")
    assert names == {name: f"flights-local-{name}" for name in KINDS}
    manifest = workflow.run.ingested.manifest
    body = workflow.client("s3").get_object(Bucket=manifest["bucket"], Key=manifest["key"])["Body"]
    assert json.loads(body.read())["rows"]["in"] == 20_000
