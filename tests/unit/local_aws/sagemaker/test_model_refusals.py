"""What CreateModel and the registry refuse; each test makes the good case first."""

from typing import Any

import pytest
from support.sagemaker_door import Aws


def _package(aws: Aws, status: str = "Approved", **rest: Any) -> str:
    return str(
        aws.call(
            "CreateModelPackage",
            ModelPackageGroupName="flights",
            InferenceSpecification={
                "Containers": [{"Image": aws.image, "ModelDataUrl": aws.model_data}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            ModelApprovalStatus=status,
            **rest,
        )["ModelPackageArn"]
    )


def _create(aws: Aws, name: str, role: str | None = None, **container: Any) -> dict[str, Any]:
    return {
        "ModelName": name,
        "ExecutionRoleArn": role or aws.role,
        "PrimaryContainer": {"Image": aws.image, "ModelDataUrl": aws.model_data} | container,
    }


def test_refuses_a_second_model_of_the_same_name(aws: Aws) -> None:
    """Message as the service words it (brief of CreateModel; ValidationException)."""
    aws.model("m")
    error = aws.refusal("CreateModel", **_create(aws, "m"))
    assert error.code == "ValidationException"
    assert error.message == (
        'Cannot create already existing model "arn:aws:sagemaker:us-east-1:222233334444:model/m".'
    )


def test_refuses_an_artifact_that_is_not_there(aws: Aws) -> None:
    """contracts.md, refusals: model artifact missing."""
    aws.model("good")
    error = aws.refusal(
        "CreateModel", **_create(aws, "bad", ModelDataUrl="s3://artifacts/x.tar.gz")
    )
    assert error.message.startswith("Could not access model data at s3://artifacts/x.tar.gz.")


def test_refuses_an_artifact_the_role_cannot_read(aws: Aws) -> None:
    """contracts.md, refusals: role policy not yet attached."""
    aws.model("good")
    aws.denied.add("s3:GetObject")
    error = aws.refusal("CreateModel", **_create(aws, "bad"))
    assert '"s3:GetObject" permissions' in error.message
    assert aws.role in error.message


def test_refuses_an_image_that_is_not_in_the_registry(aws: Aws) -> None:
    """contracts.md, refusals: image missing."""
    aws.model("good")
    missing = aws.image.replace("0123456789abcdef", "ffff")
    error = aws.refusal("CreateModel", **_create(aws, "bad", Image=missing))
    assert error.message == f"Requested image {missing} not found."


def test_refuses_an_image_the_role_cannot_pull(aws: Aws) -> None:
    """contracts.md, refusals: image unreadable by the role."""
    aws.model("good")
    aws.denied.add("ecr:BatchGetImage")
    assert "ecr:BatchGetImage" in aws.refusal("CreateModel", **_create(aws, "bad")).message


def test_takes_an_image_of_an_aws_account_without_asking_the_local_registry(aws: Aws) -> None:
    aws.model(
        "managed", Image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    )


def test_refuses_an_image_outside_ecr(aws: Aws) -> None:
    aws.model("good")
    error = aws.refusal("CreateModel", **_create(aws, "bad", Image="docker.io/library/python:3"))
    assert "non-ECR image" in error.message


def test_refuses_a_role_that_sagemaker_may_not_assume(aws: Aws) -> None:
    """contracts.md 13.1: the trust policy names sagemaker.amazonaws.com."""
    aws.model("good")
    other = "arn:aws:iam::222233334444:role/somebody-else"
    error = aws.refusal("CreateModel", **_create(aws, "bad", role=other))
    assert f"Could not assume role {other}" in error.message


def test_refuses_an_archive_that_is_not_a_tar_gz(aws: Aws) -> None:
    """contracts.md 2.1: ModelDataUrl must be one .tar.gz."""
    aws.model("good")
    error = aws.refusal("CreateModel", **_create(aws, "bad", ModelDataUrl="s3://artifacts/h.gz"))
    assert ".tar.gz" in error.message


def test_refuses_a_package_that_is_not_approved(aws: Aws) -> None:
    """contracts.md 9.1: must be Approved to deploy."""
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    approved, pending = _package(aws), _package(aws, "PendingManualApproval")
    aws.model("good", ModelPackageName=approved, Image=None, ModelDataUrl=None)
    error = aws.refusal(
        "CreateModel",
        ModelName="bad",
        ExecutionRoleArn=aws.role,
        PrimaryContainer={"ModelPackageName": pending},
    )
    assert error.code == "ValidationException"
    assert "PendingManualApproval" in error.message


def test_refuses_a_package_together_with_an_image(aws: Aws) -> None:
    """contracts.md 9.1: do not also give Image."""
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    arn = _package(aws)
    error = aws.refusal("CreateModel", **_create(aws, "bad", ModelPackageName=arn))
    assert "not both" in error.message


def test_refuses_to_delete_a_group_that_holds_versions(aws: Aws) -> None:
    """contracts.md 9.1: delete all versions before the group."""
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    arn = _package(aws)
    error = aws.refusal("DeleteModelPackageGroup", ModelPackageGroupName="flights")
    assert error.code == "ConflictException"
    aws.call("DeleteModelPackage", ModelPackageName=arn)
    aws.call("DeleteModelPackageGroup", ModelPackageGroupName="flights")


def test_refuses_a_second_group_of_the_same_name(aws: Aws) -> None:
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    error = aws.refusal("CreateModelPackageGroup", ModelPackageGroupName="flights")
    assert "already exists" in error.message


def test_refuses_tags_on_a_version(aws: Aws) -> None:
    """contracts.md 9.1: no Tags on a versioned create."""
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    _package(aws)
    with pytest.raises(Exception, match="tag the group"):
        _package(aws, Tags=[{"Key": "a", "Value": "b"}])


def test_a_deleted_version_number_is_not_given_again(aws: Aws) -> None:
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    first = _package(aws)
    aws.call("DeleteModelPackage", ModelPackageName=first)
    assert _package(aws).endswith("/2")


def test_an_update_announces_the_new_approval(aws: Aws) -> None:
    """contracts.md 9.2: the event's detail has group, version and status."""
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    arn = _package(aws, "PendingManualApproval")
    aws.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    event = aws.events[-1]
    assert event["detail-type"] == "SageMaker Model Package State Change"
    assert event["resources"] == [arn]
    assert event["detail"]["ModelPackageGroupName"] == "flights"
    assert event["detail"]["ModelPackageVersion"] == 1
    assert event["detail"]["ModelApprovalStatus"] == "Approved"
    assert event["detail"]["CreationTime"].endswith("Z")


def test_refuses_an_operation_it_does_not_serve_by_name(aws: Aws) -> None:
    error = aws.refusal("CreateHyperParameterTuningJob", HyperParameterTuningJobName="x")
    assert error.code == "UnknownOperationException"
    assert "CreateHyperParameterTuningJob is not served" in error.message


def test_names_every_fault_of_a_malformed_request(aws: Aws) -> None:
    error = aws.refusal("CreateModel", ModelName="-bad-", Colour="blue")
    assert error.code == "ValidationException"
    assert "modelName" in error.message
    assert "Colour" in error.message
