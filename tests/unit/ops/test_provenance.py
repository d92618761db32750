"""`make provenance`: what an endpoint runs is what was trained, registered and approved."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from support.aws_fakes import refused

from ops import __main__ as ops
from ops import endpoints, provenance
from ops.commands import images
from ops.endpoints import Endpoint

ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop-dev"
SERVER, TRAINER = f"{ECR}/server@sha256:{'1' * 64}", f"{ECR}/trainer@sha256:{'2' * 64}"
DATA = "s3://artifacts/training/orders/job/output/model.tar.gz"
ENDPOINT = Endpoint(name="shop-dev-realtime", kind="real-time", status="InService")
AGREED: dict[str, Any] = {
    "endpoint": {
        "EndpointConfigName": "config",
        "ProductionVariants": [
            {"VariantName": "primary", "DeployedImages": [{"ResolvedImage": SERVER}]}
        ],
    },
    "config": {"ProductionVariants": [{"VariantName": "primary", "ModelName": "model"}]},
    "model": {"PrimaryContainer": {"ModelPackageName": "arn:package/1"}},
    "package": {
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {"Containers": [{"Image": SERVER, "ModelDataUrl": DATA}]},
        "CustomerMetadataProperties": {
            "version": "0123456789abcdef",
            "training_job": "job",
            "trainer_image": TRAINER,
            "inference_image": SERVER,
        },
    },
    "job": {
        "AlgorithmSpecification": {"TrainingImage": TRAINER},
        "ModelArtifacts": {"S3ModelArtifacts": DATA},
    },
}


@pytest.fixture
def account(services: dict[str, Any]) -> dict[str, Any]:
    """What SageMaker has: all of it agrees until a test says otherwise."""
    has: dict[str, Any] = copy.deepcopy(AGREED)

    def job(TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        if "job" not in has:
            raise refused("ValidationException", "Requested resource not found.")
        return dict(has["job"])

    services["sagemaker"] = SimpleNamespace(
        describe_endpoint=lambda EndpointName: has["endpoint"],  # noqa: N803
        describe_endpoint_config=lambda EndpointConfigName: has["config"],  # noqa: N803
        describe_model=lambda ModelName: has["model"],  # noqa: N803
        describe_model_package=lambda ModelPackageName: has["package"],  # noqa: N803
        describe_training_job=job,
    )
    return has


def faults() -> tuple[str, ...]:
    [origin] = provenance.origins(ENDPOINT)
    return origin.faults


def test_a_model_that_is_what_was_registered_has_no_fault(account: dict[str, Any]) -> None:
    [origin] = provenance.origins(ENDPOINT)
    assert origin.faults == ()
    assert (origin.where, origin.running, origin.package) == ("primary", SERVER, "arn:package/1")
    assert dict(origin.facts)["trainer_image"] == TRAINER


@pytest.mark.parametrize("moved", [f"{ECR}/server@sha256:{'9' * 64}", f"{ECR}/server:tag", ""])
def test_an_image_other_than_the_registered_one_is_a_fault(
    account: dict[str, Any], moved: str
) -> None:
    [variant] = account["endpoint"]["ProductionVariants"]
    variant["DeployedImages"] = [{"ResolvedImage": moved}]
    assert faults() == (
        f"it runs {moved or 'an image that is not told'}, the package has {SERVER}",
    )


def test_a_package_that_is_no_longer_approved_is_a_fault(account: dict[str, Any]) -> None:
    account["package"]["ModelApprovalStatus"] = "Rejected"
    assert faults() == ("the package is Rejected, not Approved",)


def test_another_trainer_or_another_model_than_the_jobs_own_is_a_fault(
    account: dict[str, Any],
) -> None:
    account["job"]["AlgorithmSpecification"]["TrainingImage"] = "other"
    account["job"]["ModelArtifacts"]["S3ModelArtifacts"] = "s3://other"
    assert faults() == (
        f"job was trained by other, the package has {TRAINER}",
        f"the package serves {DATA}, job left s3://other",
    )


def test_a_package_without_evidence_is_a_fault_and_so_is_a_model_without_a_package(
    account: dict[str, Any],
) -> None:
    account["package"]["CustomerMetadataProperties"] = {}
    assert faults() == (
        "the package names no inference_image by digest: register a model anew",
        "training job (not named) is not there",
    )
    account["model"] = {"PrimaryContainer": {"Image": SERVER}}
    assert faults() == ("model model is of no model package: nothing says where it is from",)


def test_a_training_job_that_is_gone_is_a_fault(account: dict[str, Any]) -> None:
    del account["job"]
    assert faults() == ("training job job is not there",)


def test_the_command_ends_with_1_and_all_that_does_not_agree(
    account: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(endpoints, "resolve", lambda *_: ENDPOINT)
    monkeypatch.setattr(images.aws, "use_local_if_meant", lambda: None)
    assert ops.main(["provenance", "realtime"]) == 0
    account["package"]["ModelApprovalStatus"] = "Rejected"
    assert ops.main(["provenance", "realtime"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "primary: the package is Rejected, not Approved" in said
