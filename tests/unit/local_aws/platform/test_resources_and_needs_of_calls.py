"""The resource a call is authorized on where ministack errs, and what its caller needs besides."""

from typing import Any

import pytest

from local_aws.adapter.caller_permissions import autoscaling_needs, passed_roles
from local_aws.adapter.resources import corrected

HERE = "us-east-1:222233334444"
ENDPOINT = "endpoint/Shop-Live/variant/primary"


@pytest.mark.parametrize(
    ("action", "given", "expected"),
    [
        ("logs:PutLogEvents", {"logGroupName": "/a", "logStreamName": "s"}, "/a:log-stream:s"),
        ("logs:CreateLogGroup", {"logGroupName": "/a"}, "/a:log-stream:"),
    ],
)
def test_calls_on_logs_are_about_streams(action: str, given: dict[str, Any], expected: str) -> None:
    found = corrected(action, given, "us-east-1", "222233334444")

    assert found == f"arn:aws:logs:{HERE}:log-group:{expected}"


def test_alarms_are_deleted_by_name_and_described_as_a_whole() -> None:
    given = {"AlarmNames": ["one", "two"]}

    deleted = corrected("cloudwatch:DeleteAlarms", given, "us-east-1", "222233334444")
    described = corrected("cloudwatch:DescribeAlarms", given, "us-east-1", "222233334444")

    assert deleted == f"arn:aws:cloudwatch:{HERE}:alarm:one"
    assert described == f"arn:aws:cloudwatch:{HERE}:alarm:*"


def test_what_ministack_names_rightly_stays() -> None:
    given = {"AlarmName": "one"}

    assert corrected("cloudwatch:PutMetricAlarm", given, "us-east-1", "222233334444") is None


def test_registering_an_endpoint_takes_looking_at_it_and_changing_it() -> None:
    found = autoscaling_needs("RegisterScalableTarget", {"ResourceId": ENDPOINT})

    assert {need.action for need in found} == {
        "sagemaker:DescribeEndpoint",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    }
    assert {need.resource for need in found} == {f"arn:aws:sagemaker:{HERE}:endpoint/shop-live"}


def test_only_a_tracking_policy_takes_alarms_of_its_own() -> None:
    given = {"ResourceId": ENDPOINT, "PolicyType": "StepScaling"}

    assert autoscaling_needs("PutScalingPolicy", given) == []
    tracking = autoscaling_needs(
        "PutScalingPolicy", {**given, "PolicyType": "TargetTrackingScaling"}
    )
    assert [need.action for need in tracking] == [
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DeleteAlarms",
    ]


def test_a_role_is_passed_when_something_is_made_with_it() -> None:
    role = {"ExecutionRoleArn": "arn:aws:iam::222233334444:role/r"}

    (need,) = passed_roles("CreateModel", role)

    assert (need.action, need.resource) == ("iam:PassRole", role["ExecutionRoleArn"])
    assert passed_roles("DescribeModel", role) == []
