"""An endpoint is stopped and started by its own stack, never behind its back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.aws_fakes import Paginated
from typer.testing import CliRunner

from ops import activity, cloudformation
from ops.__main__ import app
from ops.errors import OpsError
from ops.settings import Deployment

STACK = "shop-dev-endpoint-live"


class Stack:
    """CloudFormation with the stack of one endpoint."""

    def __init__(self) -> None:
        self.active, self.status = "true", "UPDATE_COMPLETE"
        self.asked: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        parameters = [
            {"ParameterKey": "Active", "ParameterValue": self.active},
            {"ParameterKey": "MaxCapacity", "ParameterValue": "7"},
        ]
        return {"Stacks": [{"StackStatus": self.status, "Parameters": parameters}]}

    def get_paginator(self, name: str) -> Any:
        return Paginated(
            describe_stack_events=lambda **_: {"StackEvents": self.events}
        ).get_paginator(name)

    def update_stack(self, **asked: Any) -> None:
        self.asked.append(asked)
        self.active = asked["Parameters"][0]["ParameterValue"]
        self.events = [_event("Endpoint", "DELETE_COMPLETE"), _event(STACK, "UPDATE_COMPLETE")]


class Changing(Stack):
    """One that somebody else's deployment gives a parameter more, as we ask for ours."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        self.looks += 1
        found = super().describe_stacks()
        [stack] = found["Stacks"]
        if self.looks == 1:
            return {"Stacks": [stack | {"StackStatus": "UPDATE_IN_PROGRESS"}]}
        stack["Parameters"].append({"ParameterKey": "Another", "ParameterValue": "1"})
        return found


def test_a_parameter_that_came_with_the_update_that_was_waited_for_keeps_its_value(
    services: dict[str, Any],
) -> None:
    services["cloudformation"] = stack = Changing()
    cloudformation.set_parameter(STACK, "MaxCapacity", "8")
    [asked] = stack.asked
    assert {"ParameterKey": "Another", "UsePreviousValue": True} in asked["Parameters"]


def _event(logical_id: str, status: str) -> dict[str, Any]:
    kind = "AWS::CloudFormation::Stack" if logical_id == STACK else "AWS::SageMaker::Endpoint"
    return {
        "EventId": f"{logical_id}-{status}",
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": logical_id,
        "ResourceType": kind,
        "ResourceStatus": status,
        "Timestamp": datetime(2026, 1, 1, tzinfo=UTC),
    }


@pytest.fixture
def stack(services: dict[str, Any]) -> Stack:
    made = Stack()
    services["cloudformation"] = made
    named = [{"Name": "/shop/dev/endpoints/live", "Value": "shop-dev-live"}]
    services["ssm"] = Paginated(get_parameters_by_path=lambda **_: {"Parameters": named})
    return made


def test_only_the_parameter_active_changes_and_the_template_stays(stack: Stack) -> None:
    assert activity.set_active(STACK, active=False)
    [asked] = stack.asked
    assert asked["UsePreviousTemplate"] is True
    assert asked["Parameters"] == [
        {"ParameterKey": "Active", "ParameterValue": "false"},
        {"ParameterKey": "MaxCapacity", "UsePreviousValue": True},
    ]


@pytest.mark.parametrize(("active", "there"), [("true", True), ("false", False)])
def test_an_endpoint_is_asked_only_while_it_is_meant_to_be_there(
    stack: Stack, active: str, there: bool
) -> None:
    stack.active = active
    deployment = Deployment(project="shop", env="dev")
    assert activity.is_active(deployment, "live") is there


def test_what_is_so_already_is_left_alone(stack: Stack) -> None:
    assert not activity.set_active(STACK, active=True)
    assert stack.asked == []


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("UPDATE_IN_PROGRESS", "somebody deploys, approves or switches it right now"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "somebody deploys"),
        ("UPDATE_ROLLBACK_FAILED", "from which no update can start"),
        ("ROLLBACK_COMPLETE", "from which no update can start"),
    ],
)
def test_a_stack_that_cannot_be_updated_now_is_refused(
    stack: Stack, status: str, says: str
) -> None:
    stack.status = status
    with pytest.raises(OpsError, match=f"{STACK} is {status}.*{says}"):
        activity.set_active(STACK, active=False)
    assert stack.asked == []


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("name", ["live", "shop-dev-live"])
def test_an_endpoint_is_known_by_both_its_names(deployment: Deployment, name: str) -> None:
    assert activity.stack_of(deployment, name) == STACK


@pytest.mark.usefixtures("stack")
def test_an_endpoint_of_nobody_is_refused_with_those_there_are(deployment: Deployment) -> None:
    with pytest.raises(OpsError, match="there is no endpoint called 'other'") as refusal:
        activity.stack_of(deployment, "other")
    assert refusal.value.fix == "the workflow's own are: live"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(("command", "state"), [("stop", "stopped"), ("start", "was started")])
def test_the_command_tells_what_the_stack_does(
    monkeypatch: pytest.MonkeyPatch, command: str, state: str
) -> None:
    monkeypatch.setenv("WORKFLOW_PROJECT", "shop")
    monkeypatch.setenv("WORKFLOW_ENV", "dev")
    told = CliRunner().invoke(app, [command, "live"])
    assert told.exit_code == 0, told.exception
    assert f"{STACK}: {state}" in told.output
