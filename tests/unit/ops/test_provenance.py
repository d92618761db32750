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


DIGEST = "3" * 64


@pytest.fixture
def inspected(account: dict[str, Any], services: dict[str, Any]) -> dict[str, Any]:
    """The package was inspected before it was registered, and S3 has that object."""
    account["package"]["CustomerMetadataProperties"] |= {
        "model_digest": DIGEST,
        "model_etag": "e1",
        "model_version_id": "v1",
    }
    [container] = account["package"]["InferenceSpecification"]["Containers"]
    container["Environment"] = {"INFERENCE_MODEL_DIGEST": DIGEST}
    account["object"] = {"ETag": '"e1"', "VersionId": "v1"}

    def head(Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert f"s3://{Bucket}/{Key}" == DATA
        if isinstance(account["object"], str):
            raise refused(account["object"], "no", "HeadObject")
        return dict(account["object"])

    services["s3"] = SimpleNamespace(head_object=head)
    return account


def archive() -> str:
    [origin] = provenance.origins(ENDPOINT)
    return dict(origin.facts)["archive"]


@pytest.mark.usefixtures("inspected")
def test_shows_the_digest_and_that_s3_still_has_the_object_that_was_inspected() -> None:
    [origin] = provenance.origins(ENDPOINT)
    assert origin.faults == ()
    assert dict(origin.facts)["model_digest"] == DIGEST
    assert archive() == "the object that was inspected"


def test_an_archive_that_was_replaced_is_a_fault_by_its_version(inspected: dict[str, Any]) -> None:
    """The same bytes written again are another version: nobody inspected that one."""
    inspected["object"]["VersionId"] = "v2"
    assert archive() == "replaced"
    assert faults() == (
        f"the archive {DATA} was replaced after it was inspected: S3 has v2, the package v1"
        " (model_version_id)",
    )


def test_a_bucket_without_versions_tells_by_the_etag(inspected: dict[str, Any]) -> None:
    del inspected["package"]["CustomerMetadataProperties"]["model_version_id"]
    inspected["object"] = {"ETag": '"e1"'}
    assert faults() == ()
    inspected["object"] = {"ETag": '"e2"'}
    assert faults()[0].endswith("S3 has e2, the package e1 (model_etag)")


def test_an_archive_that_is_gone_is_a_fault_and_one_that_may_not_be_read_is_unknown(
    inspected: dict[str, Any],
) -> None:
    inspected["object"] = "404"
    assert (archive(), faults()) == ("gone", (f"the archive {DATA} is not there",))
    inspected["object"] = "403"
    assert (archive(), faults()) == ("unknown: S3 says 403", ())


def test_a_container_that_is_started_with_another_digest_is_a_fault(
    inspected: dict[str, Any],
) -> None:
    [container] = inspected["package"]["InferenceSpecification"]["Containers"]
    container["Environment"] = {}
    assert faults() == (
        f"its container is started with INFERENCE_MODEL_DIGEST=None, inspected was {DIGEST}",
    )


def test_of_a_package_that_records_no_digest_it_is_unknown(account: dict[str, Any]) -> None:
    [origin] = provenance.origins(ENDPOINT)
    assert origin.faults == ()
    assert dict(origin.facts)["model_digest"] == "unknown"
    assert archive() == "unknown: the package records no digest; register a model anew"
