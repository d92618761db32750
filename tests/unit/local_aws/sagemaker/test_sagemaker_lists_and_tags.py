"""Listing, paging, tagging."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws import validation
from local_aws.sagemaker import store
from local_aws.sagemaker.operations import OPERATIONS


def _names(answer: dict[str, Any]) -> list[str]:
    return [summary["ModelName"] for summary in answer["Models"]]


def _three(aws: Aws) -> None:
    for number, name in enumerate(("b-flights", "a-flights", "c-penguins")):
        aws.model(name)
        record = store.models.get(name)
        assert record
        record["CreationTime"] = 1_000_000.0 + number


def test_pages_hold_every_model_once(aws: Aws) -> None:
    _three(aws)
    first = aws.call("ListModels", MaxResults=2)
    second = aws.call("ListModels", MaxResults=2, NextToken=first["NextToken"])
    assert _names(first) + _names(second) == ["c-penguins", "a-flights", "b-flights"]
    assert "NextToken" not in second


def test_a_page_is_not_disturbed_by_a_newcomer(aws: Aws) -> None:
    _three(aws)
    first = aws.call("ListModels", MaxResults=2)
    aws.model("d-late")
    rest = aws.call("ListModels", MaxResults=2, NextToken=first["NextToken"])
    assert _names(rest) == ["b-flights"]


def test_sorts_and_filters(aws: Aws) -> None:
    _three(aws)
    by_name = aws.call("ListModels", SortBy="Name", SortOrder="Ascending")
    assert _names(by_name) == ["a-flights", "b-flights", "c-penguins"]
    assert _names(aws.call("ListModels", NameContains="FLIGHTS")) == ["a-flights", "b-flights"]
    assert _names(aws.call("ListModels", CreationTimeAfter=1_000_001.5)) == ["c-penguins"]


def test_refuses_a_made_up_token(aws: Aws) -> None:
    _three(aws)
    assert "token" in aws.refusal("ListModels", NextToken="made-up").message


def test_lists_endpoints_by_status(aws: Aws) -> None:
    aws.endpoint("flights")
    assert len(aws.call("ListEndpoints", StatusEquals="InService")["Endpoints"]) == 1
    assert aws.call("ListEndpoints", StatusEquals="Failed")["Endpoints"] == []


def test_lists_the_approved_versions_of_a_group(aws: Aws) -> None:
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    for status in ("Approved", "Rejected", "PendingManualApproval"):
        aws.call(
            "CreateModelPackage",
            ModelPackageGroupName="flights",
            ModelApprovalStatus=status,
            InferenceSpecification={"Containers": [{"Image": aws.image}]},
        )
    answer = aws.call(
        "ListModelPackages", ModelPackageGroupName="flights", ModelApprovalStatus="Approved"
    )
    assert [s["ModelPackageVersion"] for s in answer["ModelPackageSummaryList"]] == [1]
    newest = aws.call(
        "ListModelPackages", ModelPackageGroupName="flights", SortOrder="Descending", MaxResults=1
    )
    assert newest["ModelPackageSummaryList"][0]["ModelPackageVersion"] == 3


def test_tags_are_added_listed_and_deleted(aws: Aws) -> None:
    aws.model("m")
    arn = aws.call("DescribeModel", ModelName="m")["ModelArn"]
    aws.call("AddTags", ResourceArn=arn, Tags=[{"Key": "team", "Value": "ml"}])
    assert aws.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "ml"}]
    aws.call("DeleteTags", ResourceArn=arn, TagKeys=["team"])
    assert aws.call("ListTags", ResourceArn=arn)["Tags"] == []


def test_refuses_tags_on_what_does_not_exist(aws: Aws) -> None:
    arn = "arn:aws:sagemaker:us-east-1:222233334444:model/nobody"
    assert "Could not find resource" in aws.refusal("ListTags", ResourceArn=arn).message


def test_refuses_a_reserved_tag(aws: Aws) -> None:
    aws.model("m")
    arn = aws.call("DescribeModel", ModelName="m")["ModelArn"]
    error = aws.refusal("AddTags", ResourceArn=arn, Tags=[{"Key": "aws:x", "Value": "1"}])
    assert "reserved" in error.message


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("DescribeModel", {"ModelName": "nobody"}),
        ("DescribeEndpoint", {"EndpointName": "nobody"}),
        ("DescribeEndpointConfig", {"EndpointConfigName": "nobody"}),
        ("DescribeModelPackageGroup", {"ModelPackageGroupName": "nobody"}),
        ("DescribeModelPackage", {"ModelPackageName": "nobody"}),
        ("DescribeTrainingJob", {"TrainingJobName": "nobody"}),
        ("DescribeTransformJob", {"TransformJobName": "nobody"}),
        ("DescribeProcessingJob", {"ProcessingJobName": "nobody"}),
    ],
)
def test_what_does_not_exist_is_a_validation_exception(
    aws: Aws, operation: str, params: dict[str, str]
) -> None:
    """The service answers ValidationException, not ResourceNotFound, for most nouns."""
    assert aws.refusal(operation, **params).code == "ValidationException"


def test_the_operations_are_sorted_and_known_to_the_model() -> None:
    assert list(OPERATIONS) == sorted(OPERATIONS)
    model = validation.service_model("sagemaker")
    assert set(OPERATIONS) <= set(model.operation_names)
