"""A version goes into service by one stack update each; a stack that rolls back stops no other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.aws_fakes import Paginated, refused

from ops import approve, cloudformation
from ops.errors import OpsError

GROUP = "shop-dev-models"
ARN = "arn:aws:sagemaker:us-east-1:222233334444:model-package/shop-dev-models"


class Stacks:
    """CloudFormation with two stacks that follow a group and one that does not."""

    def __init__(self) -> None:
        self.held = {"a": f"{ARN}/1", "b": f"{ARN}/1", "other": f"{ARN}-other/1"}
        self.groups = {"a": GROUP, "b": GROUP, "other": "another-group"}
        self.status = dict.fromkeys(self.held, "UPDATE_COMPLETE")
        self.asked: list[dict[str, Any]] = []
        self.broken: set[str] = set()
        self.history: dict[str, list[dict[str, Any]]] = {name: [] for name in self.held}

    def describe_stacks(self, StackName: str | None = None) -> dict[str, Any]:  # noqa: N803
        names = [StackName] if StackName else [*self.held, "plain"]
        return {"Stacks": [self._described(n) for n in names]}

    def _described(self, name: str) -> dict[str, Any]:
        if name == "plain":
            return {"StackName": name, "StackStatus": "CREATE_COMPLETE"}
        return {
            "StackName": name,
            "StackStatus": self.status[name],
            "Parameters": [
                {"ParameterKey": "ModelPackageArn", "ParameterValue": self.held[name]},
                {"ParameterKey": "MaxCapacity", "ParameterValue": "7"},
            ],
            "Outputs": [{"OutputKey": "ModelPackageGroup", "OutputValue": self.groups[name]}],
        }

    def get_paginator(self, name: str) -> Any:
        pages = Paginated(
            describe_stacks=lambda: self.describe_stacks(),
            describe_stack_events=lambda StackName: {"StackEvents": self.history[StackName][::-1]},  # noqa: N803
        )
        return pages.get_paginator(name)

    def update_stack(self, **asked: Any) -> None:
        self.asked.append(asked)
        name = asked["StackName"]
        new = next(p["ParameterValue"] for p in asked["Parameters"] if "ParameterValue" in p)
        if self.held[name] == new:
            raise refused("ValidationError", "No updates are to be performed.")
        if name in self.broken:
            self._event(
                name, "Endpoint", "AWS::SageMaker::Endpoint", "UPDATE_FAILED", "no /ping in time"
            )
            self._event(
                name, "Other", "AWS::SNS::Topic", "UPDATE_FAILED", "Resource update cancelled"
            )
            self.status[name] = "UPDATE_ROLLBACK_COMPLETE"
        else:
            self.held[name] = new
            self._event(name, "Endpoint", "AWS::SageMaker::Endpoint", "UPDATE_COMPLETE", "")

    def _event(self, stack: str, logical: str, kind: str, status: str, reason: str) -> None:
        self.history[stack].append(
            {
                "EventId": f"{stack}-{len(self.history[stack])}",
                "StackId": stack,
                "Timestamp": datetime.now(UTC),
                "LogicalResourceId": logical,
                "PhysicalResourceId": "shop-dev-" + stack,
                "ResourceType": kind,
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
        )


@pytest.fixture
def stacks(services: dict[str, Any]) -> Stacks:
    services["cloudformation"] = made = Stacks()
    services["logs"] = Paginated(
        describe_log_streams=lambda **_: {"logStreams": [{"logStreamName": "primary/i-1"}]}
    )
    services["logs"].get_log_events = lambda **_: {
        "events": [{"timestamp": 1, "message": "Traceback\nValueError: not a model"}]
    }
    return made


def test_finds_the_stacks_that_follow_the_group_and_no_others(stacks: Stacks) -> None:
    assert approve.followers(GROUP) == ["a", "b"]


def test_changes_one_parameter_and_keeps_every_other_and_the_template(stacks: Stacks) -> None:
    approve.promote(f"{ARN}/2", ["a"])
    (asked,) = stacks.asked
    assert asked["UsePreviousTemplate"] is True
    assert asked["Parameters"] == [
        {"ParameterKey": "ModelPackageArn", "ParameterValue": f"{ARN}/2"},
        {"ParameterKey": "MaxCapacity", "UsePreviousValue": True},
    ]
    assert "CAPABILITY_IAM" in asked["Capabilities"]


def test_a_stack_of_several_groups_changes_the_parameters_of_the_approved_one_only(
    services: dict[str, Any],
) -> None:
    updated: list[dict[str, Any]] = []
    stack = {
        "StackName": "shop-dev-endpoint-models",
        "StackStatus": "UPDATE_COMPLETE",
        "Parameters": [
            {"ParameterKey": "ChurnModelPackageArn", "ParameterValue": ""},
            {"ParameterKey": "FraudCheckModelPackageArn", "ParameterValue": ""},
            {"ParameterKey": "OtherModelPackageArn", "ParameterValue": f"{ARN}-other/1"},
        ],
        "Outputs": [
            {"OutputKey": "ModelPackageGroupChurn", "OutputValue": GROUP},
            {"OutputKey": "ModelPackageGroupFraudCheck", "OutputValue": GROUP},
            {"OutputKey": "ModelPackageGroupOther", "OutputValue": f"{GROUP}-other"},
        ],
    }
    services["cloudformation"] = Paginated(
        describe_stacks=lambda **_: {"Stacks": [stack]},
        describe_stack_events=lambda **_: {"StackEvents": []},
    )
    services["cloudformation"].describe_stacks = lambda **_: {"Stacks": [stack]}
    services["cloudformation"].update_stack = lambda **asked: updated.append(asked)
    assert approve.followers(GROUP) == ["shop-dev-endpoint-models"]
    approve.promote(f"{ARN}/2", approve.followers(GROUP))
    assert updated[0]["Parameters"] == [
        {"ParameterKey": "ChurnModelPackageArn", "ParameterValue": f"{ARN}/2"},
        {"ParameterKey": "FraudCheckModelPackageArn", "ParameterValue": f"{ARN}/2"},
        {"ParameterKey": "OtherModelPackageArn", "UsePreviousValue": True},
    ]


def test_a_stack_that_serves_the_version_already_is_no_failure(stacks: Stacks) -> None:
    (rolled,) = approve.promote(f"{ARN}/1", ["a"])
    assert (rolled.changed, rolled.fault) == (False, None)


def test_a_rolled_back_stack_names_resource_reason_and_log_and_the_others_go_on(
    stacks: Stacks,
) -> None:
    stacks.broken = {"a"}
    rolled = approve.promote(f"{ARN}/2", ["a", "b"])
    assert [r.changed for r in rolled] == [False, True]
    fault = approve.faults(rolled)
    assert fault is not None
    assert "Endpoint (AWS::SageMaker::Endpoint) failed: no /ping in time" in fault.message
    assert "cancelled" not in fault.message
    assert fault.log_name == "/aws/sagemaker/Endpoints/shop-dev-a"
    assert fault.log[-1] == "ValueError: not a model"
    assert stacks.held == {"a": f"{ARN}/1", "b": f"{ARN}/2", "other": f"{ARN}-other/1"}


def test_a_version_that_failed_once_is_asked_for_again(stacks: Stacks) -> None:
    stacks.status["a"] = "UPDATE_ROLLBACK_COMPLETE"
    stacks.held["a"] = f"{ARN}/1"
    approve.promote(f"{ARN}/2", ["a"])
    assert stacks.held["a"] == f"{ARN}/2"


def packages(services: dict[str, Any], *statuses: str) -> None:
    """The group holds versions 1.. with these approval states."""
    listed = [
        {
            "ModelPackageArn": f"{ARN}/{n}",
            "ModelPackageVersion": n,
            "ModelApprovalStatus": status,
        }
        for n, status in enumerate(statuses, 1)
    ]
    services["sagemaker"] = Paginated(
        list_model_packages=lambda **_: {"ModelPackageSummaryList": listed}
    )
    services["sagemaker"].describe_model_package = lambda ModelPackageName: {  # noqa: N803
        "ModelPackageArn": ModelPackageName
    }


@pytest.mark.parametrize(
    ("asked", "chosen"), [(None, 3), ("1", 1), (f"{ARN}/2", 2)], ids=["newest", "number", "arn"]
)
def test_chooses_the_newest_pending_version_or_the_one_asked_for(
    services: dict[str, Any], asked: str | None, chosen: int
) -> None:
    packages(services, "Approved", "PendingManualApproval", "PendingManualApproval", "Rejected")
    assert approve.choose(GROUP, asked)["ModelPackageArn"] == f"{ARN}/{chosen}"


def test_refuses_when_nothing_waits_and_says_what_there_is(services: dict[str, Any]) -> None:
    packages(services, "Approved")
    with pytest.raises(
        OpsError, match=r"no version that waits for approval; it has 1 \(Approved\)"
    ):
        approve.choose(GROUP, None)


@pytest.mark.parametrize("asked", ["9", "latest"])
def test_refuses_a_version_that_does_not_exist(services: dict[str, Any], asked: str) -> None:
    packages(services, "Approved")
    with pytest.raises(OpsError, match=asked):
        approve.choose(GROUP, asked)


@pytest.mark.parametrize("state", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_recovering_deletes_a_stack_that_never_came_up(
    stacks: Stacks, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks.status["a"] = state
    deleted: list[str] = []

    def delete_stack(StackName: str) -> None:  # noqa: N803
        deleted.append(StackName)
        stacks.status[StackName] = "DELETE_COMPLETE"

    monkeypatch.setattr(stacks, "delete_stack", delete_stack, raising=False)
    said: list[str] = []
    cloudformation.recover("", said.append)
    assert deleted == ["a"]
    assert "never came up" in said[0]


def test_recovering_leaves_stacks_alone_that_work(stacks: Stacks) -> None:
    stacks.status["b"] = "UPDATE_ROLLBACK_COMPLETE"
    said: list[str] = []
    cloudformation.recover("", said.append)
    assert said == []
