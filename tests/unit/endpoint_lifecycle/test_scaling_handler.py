"""The function that registers an endpoint's capacity, against services that remember."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from endpoint_lifecycle import endpoints, handler, registered, scaling

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/churn/variant/primary",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
FOLLOW = {
    "PolicyName": "churn-invocations",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": "1000",  # CloudFormation sends every value as text
        "ScaleInCooldown": "300",
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
        },
    },
}
WAKE = {
    "PolicyName": "churn-wake",
    "PolicyType": "StepScaling",
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": "300",
        "StepAdjustments": [{"MetricIntervalLowerBound": "0", "ScalingAdjustment": "1"}],
    },
}
ALARM = {"PolicyName": "churn-wake", "AlarmName": "churn-wake", "Period": "60", "Threshold": "1"}
NIGHT = {
    "ScheduledActionName": "churn-night",
    "Schedule": "cron(0 20 ? * MON-FRI *)",
    "Timezone": "Europe/Berlin",
    "ScalableTargetAction": {"MinCapacity": "1", "MaxCapacity": "1"},
}
PROPERTIES = {
    "EndpointName": "churn",
    "VariantName": "primary",
    "Shape": {"InstanceType": "ml.m5.large"},
    "Target": TARGET,
    "MinCapacity": "1",
    "MaxCapacity": "4",
    "Policies": [FOLLOW],
}


@dataclass
class Aws:
    """Application Auto Scaling, CloudWatch and SageMaker, as far as they are asked here."""

    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    variant: dict[str, Any] | None = None
    # What the endpoint is and how many instances it has, one look after the other.
    looks: list[tuple[str, int]] = field(default_factory=lambda: [("InService", 1)])
    broken: str = ""
    busy: int = 0
    writes: list[str] = field(default_factory=list)
    changed: datetime | None = None
    late: dict[str, dict[str, Any]] = field(default_factory=dict)

    def register_scalable_target(self, **request: Any) -> None:
        self.writes.append(request["ResourceId"])
        if self.broken:
            raise _error(self.broken, "no")
        if self.busy:
            self.busy -= 1
            raise _error("ConcurrentUpdateException", "another update is in progress")
        known = self.targets.get(request["ResourceId"])
        if known is None and "MinCapacity" not in request:
            raise _error("ValidationException", "MinCapacity and MaxCapacity are required")
        self.targets[request["ResourceId"]] = {**(known or {}), **request}

    def deregister_scalable_target(self, **request: Any) -> None:
        if request["ResourceId"] not in self.targets:
            raise _error("ObjectNotFoundException", "No scalable target found")
        del self.targets[request["ResourceId"]]
        self.policies.clear()  # as the service does
        self.actions.clear()

    def put_scaling_policy(self, **request: Any) -> dict[str, str]:
        self.writes.append(request["PolicyName"])
        arn = {"PolicyARN": f"arn:policy/{request['PolicyName']}"}
        self.policies[request["PolicyName"]] = {**request, **arn, "CreationTime": 1}
        return arn

    def delete_scaling_policy(self, **request: Any) -> None:
        if self.policies.pop(request["PolicyName"], None) is None:
            raise _error("ObjectNotFoundException", "No scaling policy found")

    def put_scheduled_action(self, **request: Any) -> None:
        self.writes.append(request["ScheduledActionName"])
        if request["Schedule"].startswith("at(20"):
            raise _error("ValidationException", "the time is in the past")
        self.actions[request["ScheduledActionName"]] = request

    def delete_scheduled_action(self, **request: Any) -> None:
        if self.actions.pop(request["ScheduledActionName"], None) is None:
            raise _error("ObjectNotFoundException", "No scheduled action found")

    def describe_scalable_targets(self, **request: Any) -> dict[str, Any]:
        self.targets |= self.late  # somebody else was at it meanwhile
        self.late = {}
        found = [self.targets[one] for one in request["ResourceIds"] if one in self.targets]
        return {"ScalableTargets": found}

    def describe_scaling_policies(self, **_: str) -> dict[str, Any]:
        return {"ScalingPolicies": list(self.policies.values())}

    def describe_scheduled_actions(self, **_: str) -> dict[str, Any]:
        return {"ScheduledActions": list(self.actions.values())}

    def describe_alarms(self, *, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        return {"MetricAlarms": [self.alarms[one] for one in AlarmNames if one in self.alarms]}

    def put_metric_alarm(self, **request: Any) -> None:
        self.writes.append(f"alarm {request['AlarmName']}")
        self.alarms[request["AlarmName"]] = request

    def delete_alarms(self, *, AlarmNames: list[str]) -> None:  # noqa: N803
        for name in AlarmNames:
            self.alarms.pop(name, None)

    def describe_endpoint(self, **_: str) -> dict[str, Any]:
        if self.variant is None:
            raise _error("ValidationException", 'Could not find endpoint "churn".')
        status, count = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {
            "EndpointConfigName": "config-1",
            "EndpointStatus": status,
            **({"LastModifiedTime": self.changed} if self.changed else {}),
            "ProductionVariants": [{"VariantName": "primary", "CurrentInstanceCount": count}],
        }

    def describe_endpoint_config(self, **_: str) -> dict[str, Any]:
        return {"ProductionVariants": [{"VariantName": "primary", **(self.variant or {})}]}


class Context:
    log_stream_name = "stream"

    def __init__(self, seconds: float = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> float:
        return self.seconds * 1000


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    for module in (scaling, endpoints, registered):
        monkeypatch.setattr(module.boto3, "client", lambda _name: made)
    for module in (scaling, endpoints):
        monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)
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

    def called(
        request_type: str,
        phase: str,
        old: dict[str, Any] | None = None,
        seconds: float = 900,
        **properties: Any,
    ) -> dict[str, Any]:
        event = {
            "RequestType": request_type,
            "ResourceProperties": {**PROPERTIES, "Phase": phase, **properties},
            "ResponseURL": "https://answer.example/x",
            "StackId": "s",
            "RequestId": "r",
            "LogicalResourceId": "l",
        }
        if old is not None:
            event["OldResourceProperties"] = {**PROPERTIES, "Phase": phase, **old}
        handler.handler(event, Context(seconds))
        return answers.pop()

    return called


def test_a_new_endpoint_is_registered_with_its_policy(aws: Aws, call: Call) -> None:
    assert call("Create", "Target")["Status"] == "SUCCESS"
    target = aws.targets["endpoint/churn/variant/primary"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    [policy] = aws.policies.values()
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert (tracking["TargetValue"], tracking["ScaleInCooldown"]) == (1000.0, 300)


def test_registering_twice_changes_nothing(aws: Aws, call: Call) -> None:
    call("Create", "Target")
    before = (dict(aws.targets), dict(aws.policies))
    call("Update", "Target", old={})
    assert (aws.targets, aws.policies) == before


def test_it_steps_aside_when_the_machines_change(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    call("Update", "StepAside", old={}, Shape={"InstanceType": "ml.m5.xlarge"})
    assert aws.targets == {}


@pytest.mark.parametrize("seconds", [1, 3600])
def test_what_is_registered_a_moment_later_by_old_news_is_taken_away_too(
    aws: Aws, call: Call, seconds: int
) -> None:
    """News of a change that is an hour old is nobody's any more, and is not waited for."""
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    aws.late = dict(aws.targets)
    aws.changed = datetime.now(UTC) - timedelta(seconds=seconds)
    call("Update", "StepAside", old={}, Shape={"InstanceType": "ml.m5.xlarge"})
    assert aws.targets == {}
    assert bool(aws.late) is (seconds == 3600)


def test_it_stays_when_only_the_model_changes(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    call("Update", "StepAside", old={})
    assert list(aws.targets) == ["endpoint/churn/variant/primary"]


def test_a_rollback_registers_again_what_was_taken_away(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    call("Update", "StepAside", old={}, Shape={"InstanceType": "ml.m5.xlarge"})
    # The endpoint's update failed, it still runs on the old type, and `Target` was never called.
    call("Update", "StepAside", old={"Shape": {"InstanceType": "ml.m5.xlarge"}})
    assert list(aws.targets) == ["endpoint/churn/variant/primary"]
    assert aws.policies


def test_it_is_registered_again_after_a_rollback_that_never_calls_the_target(
    aws: Aws, call: Call
) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    call("Update", "StepAside", old={}, Shape={"InstanceType": "ml.m5.xlarge"})
    # The endpoint was updated, another resource failed, `Target` had not been called.
    aws.variant = {"InstanceType": "ml.m5.xlarge"}
    call("Update", "StepAside", old={"Shape": {"InstanceType": "ml.m5.xlarge"}})
    assert aws.targets == {}
    aws.variant = {"InstanceType": "ml.m5.large"}
    handler.handler(PROPERTIES, None)  # what the rule sends once the endpoint is in service
    assert list(aws.targets) == ["endpoint/churn/variant/primary"]
    assert list(aws.policies) == ["churn-invocations"]


def test_an_endpoint_that_came_into_service_on_other_machines_is_left_alone(aws: Aws) -> None:
    aws.variant = {"InstanceType": "ml.m5.xlarge"}
    handler.handler(PROPERTIES, None)
    aws.variant = None
    handler.handler(PROPERTIES, None)
    assert aws.targets == {}


EVERYTHING = {"Policies": [FOLLOW, WAKE], "Alarms": [ALARM], "Schedules": [NIGHT]}


@pytest.fixture
def as_asked(aws: Aws, call: Call) -> Aws:
    """Everything is registered, and nothing written since."""
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target", **EVERYTHING)
    aws.writes.clear()
    return aws


def in_service() -> None:
    """What the rule sends each time the endpoint comes into service."""
    handler.handler({**PROPERTIES, **EVERYTHING}, None)


def test_coming_into_service_writes_nothing_where_all_is_as_it_was(as_asked: Aws) -> None:
    in_service()
    assert as_asked.writes == []


def test_bounds_that_a_schedule_moved_are_none_that_differ(as_asked: Aws) -> None:
    as_asked.targets[TARGET["ResourceId"]] |= {"MinCapacity": 1, "MaxCapacity": 1}
    in_service()
    assert as_asked.writes == []


def test_bounds_that_somebody_else_moved_are_written_again(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    call("Create", "Target")
    aws.targets[TARGET["ResourceId"]]["MaxCapacity"] = 9
    handler.handler(PROPERTIES, None)
    assert aws.targets[TARGET["ResourceId"]]["MaxCapacity"] == 4


@pytest.mark.parametrize(
    ("spoil", "written"),
    [
        (lambda aws: aws.policies.pop("churn-invocations"), ["churn-invocations"]),
        (
            lambda aws: aws.policies["churn-invocations"][
                "TargetTrackingScalingPolicyConfiguration"
            ].update(TargetValue=7.0),
            ["churn-invocations"],
        ),
        (lambda aws: aws.alarms.clear(), ["churn-wake", "alarm churn-wake"]),
        (
            lambda aws: aws.alarms["churn-wake"].update(AlarmActions=[]),
            ["churn-wake", "alarm churn-wake"],
        ),
        (
            lambda aws: aws.policies["churn-wake"]["StepScalingPolicyConfiguration"][
                "StepAdjustments"
            ].clear(),
            ["churn-wake", "alarm churn-wake"],
        ),
        (lambda aws: aws.actions["churn-night"].update(Timezone="UTC"), ["churn-night"]),
    ],
)
def test_only_what_differs_is_written_again(
    as_asked: Aws, spoil: Callable[[Aws], Any], written: list[str]
) -> None:
    night = {"MinCapacity": 1, "MaxCapacity": 1}
    as_asked.targets[TARGET["ResourceId"]] |= night
    spoil(as_asked)
    in_service()
    assert as_asked.writes == written
    assert night.items() <= as_asked.targets[TARGET["ResourceId"]].items()
    in_service()
    assert as_asked.writes == written, "and then all is as it was asked for"


def test_a_moment_that_is_over_is_left_out_and_stops_nothing(aws: Aws, call: Call) -> None:
    """Else a schedule for one evening would break every deployment after it."""
    aws.variant = {"InstanceType": "ml.m5.large"}
    over = {**NIGHT, "ScheduledActionName": "churn-fair", "Schedule": "at(2020-01-01T00:00:00)"}
    assert call("Create", "Target", Schedules=[over, NIGHT])["Status"] == "SUCCESS"
    assert list(aws.actions) == ["churn-night"]
    aws.writes.clear()
    handler.handler({**PROPERTIES, "Schedules": [over, NIGHT]}, None)
    assert aws.writes == []


def test_a_moment_to_come_that_is_refused_is_a_fault(aws: Aws, call: Call) -> None:
    wrong = {**NIGHT, "Schedule": "at(2090-01-01T00:00:00)"}
    assert call("Create", "Target", Schedules=[wrong])["Status"] == "FAILED"


def test_the_endpoint_is_updated_once_it_changes_no_more(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    aws.looks = [("InService", 1), ("Updating", 1), ("Updating", 2), ("InService", 2)]
    answer = call("Update", "StepAside", old={})
    assert (answer["Status"], aws.looks) == ("SUCCESS", [("InService", 2)])
    assert answer["Reason"].endswith("the endpoint is InService")


def test_bounds_that_moved_bring_the_count_along_before_the_endpoint_is_updated(
    aws: Aws, call: Call
) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    # Scaling begins a moment after the bounds were set.
    aws.looks = [("InService", 1), ("InService", 1), ("Updating", 1), ("InService", 2)]
    answer = call("Update", "StepAside", old={}, MinCapacity="2")
    assert (answer["Status"], aws.looks) == ("SUCCESS", [("InService", 2)])


def test_an_endpoint_that_goes_on_changing_is_not_waited_for_without_end(
    aws: Aws, call: Call
) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    aws.looks = [("Updating", 1)]
    answer = call("Update", "StepAside", old={}, seconds=endpoints.SPARE_SECONDS - 1)
    assert answer["Status"] == "SUCCESS"
    assert answer["Reason"].endswith("the endpoint is Updating")


def test_machines_that_change_wait_for_no_count(aws: Aws, call: Call) -> None:
    aws.variant = {"InstanceType": "ml.m5.large"}
    other = {"InstanceType": "ml.m5.xlarge"}
    answer = call("Update", "StepAside", old={}, Shape=other, MinCapacity="2")
    assert answer["Reason"] == "deregistered; the endpoint is InService"


def test_before_the_first_endpoint_there_is_nothing_to_do(aws: Aws, call: Call) -> None:
    assert call("Create", "StepAside")["Status"] == "SUCCESS"
    assert call("Update", "StepAside")["Reason"] == "there is no endpoint yet"
    assert aws.targets == {}


def test_deleting_takes_everything_away_and_can_be_repeated(aws: Aws, call: Call) -> None:
    everything = {"Policies": [FOLLOW, WAKE], "Alarms": [ALARM], "Schedules": [NIGHT]}
    call("Create", "Target", **everything)
    assert (len(aws.policies), len(aws.alarms), len(aws.actions)) == (2, 1, 1)
    for _ in range(2):
        assert call("Delete", "Target", **everything)["Status"] == "SUCCESS"
    assert (aws.targets, aws.policies, aws.alarms, aws.actions) == ({}, {}, {}, {})


def test_what_steps_aside_takes_nothing_away_when_it_goes(aws: Aws, call: Call) -> None:
    call("Create", "Target")
    call("Delete", "StepAside")
    assert aws.targets


def test_an_alarm_of_ours_triggers_its_own_policy(aws: Aws, call: Call) -> None:
    call("Create", "Target", Policies=[FOLLOW, WAKE], Alarms=[ALARM])
    steps = aws.policies["churn-wake"]["StepScalingPolicyConfiguration"]
    assert steps["StepAdjustments"] == [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
    [alarm] = aws.alarms.values()
    assert alarm["AlarmActions"] == ["arn:policy/churn-wake"]
    assert (alarm["Period"], alarm["Threshold"]) == (60, 1.0)
    assert "PolicyName" not in alarm


def test_schedules_are_put_with_their_time_zone(aws: Aws, call: Call) -> None:
    call("Create", "Target", Schedules=[NIGHT])
    [action] = aws.actions.values()
    assert action["Timezone"] == "Europe/Berlin"
    assert action["ScalableTargetAction"] == {"MinCapacity": 1, "MaxCapacity": 1}
    assert action["ResourceId"] == TARGET["ResourceId"]


def test_a_deployment_at_night_keeps_the_bounds_of_the_night(aws: Aws, call: Call) -> None:
    call("Create", "Target", Schedules=[NIGHT])
    night = {"MinCapacity": 1, "MaxCapacity": 1}
    aws.targets[TARGET["ResourceId"]] |= night
    call("Update", "Target", old={"Schedules": [NIGHT]}, Schedules=[NIGHT])
    assert night.items() <= aws.targets[TARGET["ResourceId"]].items()
    call("Update", "Target", old={"Schedules": [NIGHT]}, Schedules=[NIGHT], MaxCapacity="6")
    assert aws.targets[TARGET["ResourceId"]]["MaxCapacity"] == 6


def test_what_is_not_asked_for_any_more_is_taken_away(aws: Aws, call: Call) -> None:
    before = {"Policies": [FOLLOW, WAKE], "Alarms": [ALARM], "Schedules": [NIGHT]}
    call("Create", "Target", **before)
    other = {**FOLLOW, "PolicyName": "churn-concurrency"}
    for _ in range(2):
        call("Update", "Target", old=before, Policies=[other])
    assert (list(aws.policies), aws.alarms, aws.actions) == (["churn-concurrency"], {}, {})


def test_two_registrations_at_once_are_no_fault(aws: Aws, call: Call) -> None:
    aws.busy = 3
    assert call("Create", "Target")["Status"] == "SUCCESS"


def test_pools_are_compared_in_the_order_they_are_tried(aws: Aws, call: Call) -> None:
    pools = [
        {"InstanceType": f"ml.{one}.large", "Priority": n} for n, one in ((2, "c5"), (1, "m5"))
    ]
    aws.variant = {"InstancePools": pools}
    shape = {"InstanceType": "ml.m5.large,ml.c5.large"}
    call("Update", "StepAside", old={}, Shape=shape)
    assert aws.targets
    call("Update", "StepAside", old={}, Shape={"InstanceType": "ml.c5.large,ml.m5.large"})
    assert aws.targets == {}


def test_a_serverless_endpoint_steps_aside_when_its_memory_changes(aws: Aws, call: Call) -> None:
    aws.variant = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
    shape = {"MemorySizeInMB": "2048", "MaxConcurrency": "5"}
    call("Update", "StepAside", old={}, Shape=shape)
    assert aws.targets
    call("Update", "StepAside", old={}, Shape={**shape, "MemorySizeInMB": "4096"})
    assert aws.targets == {}


def test_a_fault_is_answered_so_that_the_stack_does_not_wait(aws: Aws, call: Call) -> None:
    aws.broken = "LimitExceededException"
    answer = call("Create", "Target")
    assert answer["Status"] == "FAILED"
    assert "LimitExceededException" in answer["Reason"]
    assert answer["PhysicalResourceId"] == "churn/primary/Target"


def test_another_name_is_another_resource_so_that_the_old_one_is_taken_away(
    aws: Aws, call: Call
) -> None:
    first = call("Create", "Target")["PhysicalResourceId"]
    other = {**TARGET, "ResourceId": "endpoint/churn2/variant/primary"}
    second = call("Update", "Target", old={}, EndpointName="churn2", Target=other)
    assert second["PhysicalResourceId"] != first
    assert len(aws.targets) == 2


def _error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
