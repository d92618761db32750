import pytest
from aws_cdk import Stack
from aws_cdk import aws_s3 as s3
from support.templates import allowed, statements

from sagemaker_workflow.model_data import ModelData
from sagemaker_workflow.roles import ExecutionRole


def test_an_asset_renamed_by_the_cdk_is_refused(bucket: s3.IBucket) -> None:
    with pytest.raises(ValueError, match=r"'assets/abc\.gz', allowed is a key that ends in \.tar"):
        ModelData.from_bucket(bucket, "assets/abc.gz")


def test_a_prefix_that_would_match_its_neighbours_is_refused(bucket: s3.IBucket) -> None:
    with pytest.raises(ValueError, match=r"'churn/7'.*write 'churn/7/'"):
        ModelData.from_prefix(bucket, "churn/7")


def test_all_faults_are_told_at_once(bucket: s3.IBucket) -> None:
    with pytest.raises(ValueError, match=r"(?s)without bucket.*code/.*ends in \.tar\.gz"):
        ModelData.from_bucket(bucket, "s3://b/model", script="code/inference.sh")


def test_a_script_is_found_in_the_artifacts_without_any_network(bucket: s3.IBucket) -> None:
    data = ModelData.from_bucket(bucket, "churn/model.tar.gz", script="inference.py")
    assert data.environment == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }


def test_reading_an_archive_is_granted_on_that_object_and_its_key(
    stack: Stack, bucket: s3.IBucket
) -> None:
    ModelData.from_bucket(bucket, "churn/model.tar.gz").grant_read(
        ExecutionRole(stack, "Role", kind="hosting")
    )
    [on] = allowed(stack, "s3:GetObject")
    assert on.endswith(":s3:::the-bucket/churn/model.tar.gz")
    assert allowed(stack, "s3:ListBucket") == []
    assert len(allowed(stack, "kms:Decrypt")) == 1


def test_reading_a_prefix_lists_the_bucket_under_that_prefix_only(
    stack: Stack, bucket: s3.IBucket
) -> None:
    ModelData.from_prefix(bucket, "churn/7/").grant_read(
        ExecutionRole(stack, "Role", kind="hosting")
    )
    [listing] = [one for one in statements(stack) if "s3:ListBucket" in one["Action"]]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["churn/7/*"]}}
    [on] = allowed(stack, "s3:ListBucket")
    assert on.endswith(":s3:::the-bucket")
