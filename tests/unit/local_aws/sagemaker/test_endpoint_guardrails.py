"""Deployment guardrails: canaries, alarms, rollback; and the probe of an async endpoint."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws import adapter

CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 25},
            "WaitIntervalInSeconds": 300,
        }
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}


def _statuses(aws: Aws) -> list[str]:
    wanted = "SageMaker Endpoint State Change"
    return [e["detail"]["EndpointStatus"] for e in aws.events if e["detail-type"] == wanted]


def _update(aws: Aws, config: str = "flights-2", **rest: Any) -> dict[str, Any]:
    aws.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName=config, **rest)
    return aws.settled("flights")


def test_a_canary_ends_with_all_traffic_on_the_new_fleet(aws: Aws) -> None:
    aws.services.alarms["errors"] = "OK"
    aws.endpoint("flights")
    aws.config("flights-2")
    after = _update(aws, DeploymentConfig=CANARY)
    assert after["EndpointConfigName"] == "flights-2"
    assert after["LastDeploymentConfig"] == CANARY


def test_an_alarm_during_bake_rolls_back_and_says_so(aws: Aws) -> None:
    """contracts.md, refusals: alarm firing during bake."""
    aws.services.alarms["errors"] = "ALARM"
    aws.endpoint("flights")
    old = aws.containers.running[0]
    aws.config("flights-2")
    after = _update(aws, DeploymentConfig=CANARY)
    assert after["EndpointStatus"] == "InService"
    assert after["EndpointConfigName"] == "flights-1"
    assert "alarms went off during the deployment: errors" in after["FailureReason"]
    assert aws.containers.running == [old]
    answers = [aws.http("/endpoints/flights/invocations")[0].status for _ in range(8)]
    assert answers == [200] * 8
    aws.eventually(lambda: _statuses(aws)[-2:] == ["ROLLING_BACK", "IN_SERVICE"])


def test_a_canary_gets_its_share_of_the_traffic(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.services.alarms["errors"] = "OK"
    aws.endpoint("flights")
    old = aws.containers.running[0]
    aws.config("flights-2")
    # The canary is on its own for 30 s, less when its alarm goes off.
    monkeypatch.setattr(adapter, "scaled", lambda seconds: seconds / 10)
    aws.call(
        "UpdateEndpoint",
        EndpointName="flights",
        EndpointConfigName="flights-2",
        DeploymentConfig=CANARY,
    )
    aws.eventually(lambda: len(aws.containers.running) == 2)
    new = next(v for v in aws.containers.running if v is not old)
    aws.eventually(lambda: aws.http("/endpoints/flights/invocations") and new.requests)
    before = len(old.requests), len(new.requests)
    for _ in range(40):
        aws.http("/endpoints/flights/invocations")
    assert (len(old.requests) - before[0], len(new.requests) - before[1]) == (30, 10)
    aws.services.alarms["errors"] = "ALARM"
    aws.settled("flights")


def test_refuses_guardrails_where_a_variant_comes_and_takes_it_without(aws: Aws) -> None:
    """contracts.md 3.6 and its refusals: guardrails need stable variant names."""
    aws.services.alarms["errors"] = "OK"
    aws.endpoint("flights")
    aws.config("flights-2", aws.variant(), aws.variant(VariantName="challenger"))
    update = {"EndpointName": "flights", "EndpointConfigName": "flights-2"}
    error = aws.refusal("UpdateEndpoint", DeploymentConfig=CANARY, **update)
    assert "same variant names" in error.message
    aws.call("UpdateEndpoint", **update)
    assert aws.settled("flights")["EndpointConfigName"] == "flights-2"


def test_refuses_a_canary_over_half_of_the_fleet_at_create_too(aws: Aws) -> None:
    """contracts.md 3.6: the same rule, before there is anything to update."""
    aws.services.alarms["errors"] = "OK"
    aws.model()
    aws.config("c")
    where = {"EndpointConfigName": "c"}
    aws.call("CreateEndpoint", EndpointName="good", DeploymentConfig=CANARY, **where)
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 0,
    }
    bad = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    error = aws.refusal("CreateEndpoint", EndpointName="bad", DeploymentConfig=bad, **where)
    assert "at most 50 percent" in error.message
    aws.settled("good")


def test_refuses_guardrails_with_a_changed_variant_name(aws: Aws) -> None:
    """contracts.md 3.6 and its refusals: guardrails need stable variant names."""
    aws.services.alarms["errors"] = "OK"
    aws.endpoint("flights")
    aws.config("flights-2")
    assert _update(aws, DeploymentConfig=CANARY)["EndpointConfigName"] == "flights-2"
    aws.config("flights-3", aws.variant(VariantName="renamed"))
    error = aws.refusal(
        "UpdateEndpoint",
        EndpointName="flights",
        EndpointConfigName="flights-3",
        DeploymentConfig=CANARY,
    )
    assert "same variant names" in error.message


def test_refuses_a_canary_over_half_of_the_fleet(aws: Aws) -> None:
    """contracts.md 3.6: CanarySize <= 50 %."""
    aws.services.alarms["errors"] = "OK"
    aws.endpoint("flights")
    aws.config("flights-2")
    assert _update(aws, DeploymentConfig=CANARY)["EndpointConfigName"] == "flights-2"
    routing = CANARY["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]  # type: ignore[call-overload,index]
    size = {"Type": "CAPACITY_PERCENT", "Value": 51}
    policy = {"TrafficRoutingConfiguration": routing | {"CanarySize": size}}
    error = aws.refusal(
        "UpdateEndpoint",
        EndpointName="flights",
        EndpointConfigName="flights-1",
        DeploymentConfig={"BlueGreenUpdatePolicy": policy},
    )
    assert "at most 50 percent of the fleet, got 51%" in error.message


def test_an_async_endpoint_probes_its_topics(aws: Aws) -> None:
    """contracts.md 5.3: TestNotification to each topic, from the role."""
    topics = {"SuccessTopic": "arn:aws:sns:us-east-1:222233334444:good"}
    config = {"OutputConfig": {"S3OutputPath": "s3://o/p", "NotificationConfig": topics}}
    aws.services.topics.add(topics["SuccessTopic"])
    aws.endpoint("flights", AsyncInferenceConfig=config)
    topic, message = aws.services.published[0]
    assert topic == topics["SuccessTopic"]
    assert message["eventName"] == "TestNotification"


def test_an_async_endpoint_whose_role_cannot_publish_fails(aws: Aws) -> None:
    """contracts.md 5.3: the role must already hold sns:Publish."""
    aws.endpoint("good")
    topics = {"ErrorTopic": "arn:aws:sns:us-east-1:222233334444:unreachable"}
    config = {"OutputConfig": {"S3OutputPath": "s3://o/p", "NotificationConfig": topics}}
    aws.config("bad-1", AsyncInferenceConfig=config)
    aws.call("CreateEndpoint", EndpointName="bad", EndpointConfigName="bad-1")
    failed = aws.settled("bad")
    assert failed["EndpointStatus"] == "Failed"
    assert "sns:Publish" in failed["FailureReason"]
