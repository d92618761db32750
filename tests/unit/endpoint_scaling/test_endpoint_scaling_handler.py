"""The function that registers an endpoint's capacity, against services that remember."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from endpoint_scaling import handler

PROPERTIES = {
    "EndpointName": "churn",
    "VariantName": "primary",
    "Shape": {"InstanceType": "ml.m5.large"},
    "Follows": "invocations",
    "MinCapacity": "1",  # CloudFormation sends every value as text
    "MaxCapacity": "4",
    "TargetValue": "1000",
    "ScaleInCooldown": "300",
    "ScaleOutCooldown": "60",
}


@dataclass
class Aws:
    """Application Auto Scaling, CloudWatch and SageMaker, as far as they are asked here."""

    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    variant: dict[str, Any] | None = None
    broken: bool = False

    def register_scalable_target(self, **request: Any) -> None:
        if self.broken:
            raise _error("ValidationException", "no")
        self.targets[request["ResourceId"]] = request

    def deregister_scalable_target(self, **request: Any) -> None:
        if request["ResourceId"] not in self.targets:
            raise _error("ObjectNotFoundException", "No scalable target found")
        del self.targets[request["ResourceId"]]
        self.policies.clear()  # as the service does

    def put_scaling_policy(self, **request: Any) -> dict[str, str]:
        self.policies[request["PolicyName"]] = request
        return {"PolicyARN": f"arn:policy/{request['PolicyName']}"}

    def put_metric_alarm(self, **request: Any) -> None:
        self.alarms[request["AlarmName"]] = request

    def delete_alarms(self, *, AlarmNames: list[str]) -> None:  # noqa: N803
        for name in AlarmNames:
            self.alarms.pop(name, None)

    def describe_endpoint(self, **_: str) -> dict[str, str]:
        if self.variant is None:
            raise _error("ValidationException", 'Could not find endpoint "churn".')
        return {"EndpointConfigName": "config-1"}

    def describe_endpoint_config(self, **_: str) -> dict[str, Any]:
        return {"ProductionVariants": [{"VariantName": "primary", **(self.variant or {})}]}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    monkeypatch.setattr(handler.boto3, "client", lambda _name: made)
    return made


Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the function as CloudFormation does; returns what it answered."""
    answers: list[dict[str, Any]] = []

    def urlopen(request: Any, timeout: int) -> io.BytesIO:
        assert (request.method, request.full_url) == ("PUT", "https://answer.example/x")
        assert timeout
        answers.append(json.loads(request.data))
        return io.BytesIO()

    monkeypatch.setattr(handler.urllib.request, "urlopen", urlopen)

    def called(request_type: str, phase: str, **properties: Any) -> dict[str, Any]:
        event = {
            "RequestType": request_type,
            "ResourceProperties": {**PROPERTIES, "Phase": phase, **properties},
            "ResponseURL": "https://answer.example/x",
            "StackId": "s",
            "RequestId": "r",
            "LogicalResourceId": "l",
        }
        handler.handler(event, None)
        return answers.pop()

    return called


def test_a_new_endpoint_is_registered_with_its_policy(aws: Aws, call: Call) -> None:
    assert call("Create", "Target")["Status"] == "SUCCESS"
    target = aws.targets["endpoint/churn/variant/primary"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    [policy] = aws.policies.values()
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 1000.0
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }


def test_registering_twice_changes_nothing(aws: Aws, call: Call) -> None:
    call("Create", "Target")
    before = (dict(aws.targets), dict(aws.policies))
    call("Update", "Target")
    assert (aws.targets, aws.policies) == before


def test_it_steps_aside_when_the_machines_change(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    call("Update", "StepAside", Shape={"InstanceType": "ml.m5.xlarge"})
    assert aws.targets == {}


def test_it_stays_when_only_the_model_changes(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    call("Update", "StepAside")
    assert list(aws.targets) == ["endpoint/churn/variant/primary"]


def test_a_rollback_registers_again_what_was_taken_away(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    call("Update", "StepAside", Shape={"InstanceType": "ml.m5.xlarge"})
    # The endpoint's update failed, it still runs on the old type, and `Target` was never called.
    call("Update", "StepAside")
    assert list(aws.targets) == ["endpoint/churn/variant/primary"]
    assert aws.policies


def test_before_the_first_endpoint_there_is_nothing_to_do(aws: Aws, call: Call) -> None:
    assert call("Create", "StepAside")["Status"] == "SUCCESS"
    assert call("Update", "StepAside")["Reason"] == "there is no endpoint yet"
    assert aws.targets == {}


def test_deleting_takes_everything_away_and_can_be_repeated(aws: Aws, call: Call) -> None:
    call("Create", "Target", Follows="backlog")
    assert aws.alarms
    for _ in range(2):
        assert call("Delete", "Target", Follows="backlog")["Status"] == "SUCCESS"
    assert (aws.targets, aws.policies, aws.alarms) == ({}, {}, {})


def test_what_steps_aside_takes_nothing_away_when_it_goes(aws: Aws, call: Call) -> None:
    call("Create", "Target")
    call("Delete", "StepAside")
    assert aws.targets


def test_an_asynchronous_endpoint_wakes_from_zero(aws: Aws, call: Call) -> None:
    call("Create", "Target", Follows="backlog", MinCapacity="0", TargetValue="5")
    tracking, waking = aws.policies["churn-backlog"], aws.policies["churn-wake-from-zero"]
    metric = tracking["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
    assert metric["MetricName"] == "ApproximateBacklogSizePerInstance"
    assert metric["Dimensions"] == [{"Name": "EndpointName", "Value": "churn"}]
    assert waking["StepScalingPolicyConfiguration"]["StepAdjustments"] == [
        {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    ]
    [alarm] = aws.alarms.values()
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert alarm["AlarmActions"] == ["arn:policy/churn-wake-from-zero"]


def test_a_serverless_endpoint_scales_its_provisioned_concurrency(aws: Aws, call: Call) -> None:
    aws.variant = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
    shape = {"MemorySizeInMB": "2048", "MaxConcurrency": "5"}
    call("Update", "StepAside", Follows="provisioned_concurrency", Shape=shape, TargetValue="0.7")
    [target] = aws.targets.values()
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
    call(
        "Update",
        "StepAside",
        Follows="provisioned_concurrency",
        Shape={**shape, "MemorySizeInMB": "4096"},
    )
    assert aws.targets == {}


def test_a_fault_is_answered_so_that_the_stack_does_not_wait(aws: Aws, call: Call) -> None:
    aws.broken = True
    answer = call("Create", "Target")
    assert answer["Status"] == "FAILED"
    assert "ValidationException" in answer["Reason"]
    assert answer["PhysicalResourceId"] == "churn/primary/Target"


def test_another_name_is_another_resource_so_that_the_old_one_is_taken_away(
    aws: Aws, call: Call
) -> None:
    first = call("Create", "Target")["PhysicalResourceId"]
    assert call("Update", "Target", EndpointName="churn2")["PhysicalResourceId"] != first
    assert len(aws.targets) == 2


def _error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
