"""The function that says whether what was deployed is what serves."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from endpoint_lifecycle import deployed, endpoints, handler


class Aws:
    """SageMaker, CloudWatch and CloudFormation, as far as they are asked here."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any] | None] = []
        self.firing: list[str] = []
        self.stack = "UPDATE_IN_PROGRESS"

    def describe_endpoint(self, **_: str) -> dict[str, Any]:
        now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if now is None:
            error = {"Code": "ValidationException", "Message": 'Could not find endpoint "churn".'}
            raise ClientError({"Error": error}, "DescribeEndpoint")
        return now

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        assert request["StateValue"] == "ALARM"
        watched = [name for name in self.firing if name in request["AlarmNames"]]
        return {"MetricAlarms": [{"AlarmName": name} for name in watched]}

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": self.stack}]}


class Context:
    log_stream_name = "stream"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> float:
        return self.seconds * 1000


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    for module in (deployed, endpoints):
        monkeypatch.setattr(module.boto3, "client", lambda _name: made)
    monkeypatch.setattr(endpoints.time, "sleep", lambda _seconds: None)
    return made


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask as CloudFormation does after the endpoint; returns the answer."""

    def asked(request: str = "Update", seconds: float = 900) -> dict[str, Any]:
        answers: list[dict[str, Any]] = []

        def urlopen(request: Any, timeout: int) -> io.BytesIO:
            answers.append(json.loads(request.data))
            return io.BytesIO()

        monkeypatch.setattr(handler.urllib.request, "urlopen", urlopen)
        event = {
            "RequestType": request,
            "ResourceProperties": {
                "Phase": "Deployed",
                "EndpointName": "churn",
                "EndpointConfigName": "new",
            },
            "ResponseURL": "https://answer.example/x",
            "StackId": "s",
            "RequestId": "r",
            "LogicalResourceId": "l",
        }
        handler.handler(event, Context(seconds))
        return answers.pop()

    return asked


def serving(config: str, status: str = "InService", **more: Any) -> dict[str, Any]:
    return {"EndpointStatus": status, "EndpointConfigName": config, **more}


def test_the_config_that_was_asked_for_serves(aws: Aws, ask: Any) -> None:
    aws.answers = [serving("new")]
    answer = ask()
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "churn serves new")
    assert answer["PhysicalResourceId"] == "churn/Deployed"


def test_an_endpoint_that_is_still_changing_is_waited_for(aws: Aws, ask: Any) -> None:
    aws.answers = [serving("old", "Updating"), serving("old", "Updating"), serving("new")]
    assert ask()["Status"] == "SUCCESS"


def test_a_silent_rollback_fails_the_deployment_and_names_the_alarm(aws: Aws, ask: Any) -> None:
    alarms = [{"AlarmName": "churn-latency"}, {"AlarmName": "churn-errors"}]
    last = {"AutoRollbackConfiguration": {"Alarms": alarms}}
    aws.firing = ["churn-errors", "of-somebody-else"]
    aws.answers = [serving("old", FailureReason="rolled back", LastDeploymentConfig=last)]
    answer = ask()
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == (
        "endpoint churn is InService with old and not with new: SageMaker rolled the update back, "
        "or somebody else changed the endpoint: rolled back; firing: churn-errors "
        "(log stream stream)"
    )


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_does_not_serve_fails_the_deployment(
    aws: Aws, ask: Any, status: str
) -> None:
    aws.answers = [serving("new", status, FailureReason="no capacity")]
    assert ask()["Reason"] == f"endpoint churn is {status}: no capacity (log stream stream)"


def test_waiting_ends_while_there_is_time_to_answer(aws: Aws, ask: Any) -> None:
    aws.answers = [serving("new", "Updating")]
    reason = ask(seconds=endpoints.SPARE_SECONDS - 1)["Reason"]
    assert reason.startswith("endpoint churn is still Updating, and the time to wait")


def test_an_endpoint_that_is_gone_fails_the_deployment(aws: Aws, ask: Any) -> None:
    aws.answers = [None]
    assert ask()["Reason"].startswith("endpoint churn does not exist")


def test_a_rollback_of_the_stack_is_not_stopped(aws: Aws, ask: Any) -> None:
    aws.answers, aws.stack = [serving("old")], "UPDATE_ROLLBACK_IN_PROGRESS"
    answer = ask()
    assert answer["Status"] == "SUCCESS"
    assert "only noted: endpoint churn is InService with old" in answer["Reason"]


def test_there_is_nothing_to_check_when_it_goes(aws: Aws, ask: Any) -> None:
    assert ask("Delete")["Status"] == "SUCCESS"
