"""What a deployment announces, what ends it early, and what is as before when it failed."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws import adapter

STAGE = "SageMaker Endpoint Deployment State Change"
ALARMED = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60},
        "MaximumExecutionTimeoutInSeconds": 28800,
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}


def _stages(aws: Aws) -> list[tuple[str, str]]:
    """Each stage announced: which fleet it is about, and what it is."""
    found: list[tuple[str, str]] = []
    for event in aws.events:
        if event["detail-type"] != STAGE:
            continue
        detail = event["detail"]
        pending = detail.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
        for where, variants in (("new", pending), ("old", detail.get("ProductionVariants", []))):
            for variant in variants:
                found += [(where, s["Status"]) for s in variant.get("VariantStatus", [])]
    return list(dict.fromkeys(found))


def _update(aws: Aws, config: str = "flights-2", **rest: Any) -> dict[str, Any]:
    aws.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName=config, **rest)
    return aws.settled("flights")


def test_every_stage_of_a_deployment_is_an_event(aws: Aws) -> None:
    """contracts.md 9.2 and 3.6: VariantStatus and PendingDeploymentSummary."""
    aws.services.alarms["errors"] = "OK"
    aws.endpoint("flights")
    aws.events.clear()
    aws.config("flights-2")
    after = _update(aws, DeploymentConfig=ALARMED)
    assert after["EndpointConfigName"] == "flights-2"
    assert "VariantStatus" not in after["ProductionVariants"][0]
    stages = [name for where, name in _stages(aws) if where == "new"]
    assert stages[:3] == ["Creating", "ActivatingTraffic", "Baking"]
    (first,) = [e for e in aws.events if e["detail-type"] == STAGE][:1]
    assert first["detail"]["EndpointStatus"] == "UPDATING"
    assert first["detail"]["PendingDeploymentSummary"]["EndpointConfigName"] == "flights-2"


def test_an_alarm_that_fires_already_keeps_every_request_on_the_old_fleet(aws: Aws) -> None:
    """contracts.md 3.6: alarms roll a deployment back; here before any traffic moved."""
    aws.services.alarms["errors"] = "ALARM"
    aws.endpoint("flights")
    aws.config("flights-2")
    after = _update(aws, DeploymentConfig=ALARMED)
    assert "alarms went off during the deployment: errors" in after["FailureReason"]
    assert ("new", "ActivatingTraffic") not in _stages(aws)


def test_a_deployment_that_bakes_for_too_long_is_ended_and_undone(aws: Aws) -> None:
    """API, MaximumExecutionTimeoutInSeconds: the maximum for the deployment."""
    aws.services.alarms["errors"] = "OK"
    aws.endpoint("flights")
    wanted = [{"VariantName": "primary", "DesiredInstanceCount": 3, "DesiredWeight": 2.0}]
    aws.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="flights",
        DesiredWeightsAndCapacities=wanted,
    )
    aws.settled("flights")
    aws.config("flights-2")
    policy = {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 3600},
        "MaximumExecutionTimeoutInSeconds": 600,
    }
    after = _update(aws, DeploymentConfig=ALARMED | {"BlueGreenUpdatePolicy": policy})
    assert after["FailureReason"] == ("The deployment exceeded MaximumExecutionTimeoutInSeconds.")
    assert after["EndpointConfigName"] == "flights-1"
    (summary,) = after["ProductionVariants"]
    assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (3, 2.0)


def test_a_variant_that_cannot_scale_takes_the_others_back_with_it(aws: Aws) -> None:
    aws.endpoint("flights", aws.variant(), aws.variant(VariantName="second"))
    first, second = aws.containers.running
    second.scale_failure = "no room for another container"
    aws.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="flights",
        DesiredWeightsAndCapacities=[
            {"VariantName": "primary", "DesiredInstanceCount": 2, "DesiredWeight": 5},
            {"VariantName": "second", "DesiredInstanceCount": 2},
        ],
    )
    after = aws.settled("flights")
    assert after["FailureReason"] == "no room for another container"
    assert (first.count, second.count) == (1, 1)
    for summary in after["ProductionVariants"]:
        assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (1, 1.0)


def test_a_start_counts_as_long_as_it_takes_and_baking_under_the_factor(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big time factor must not end an update because containers start no faster for it."""
    aws.services.alarms["errors"] = "OK"
    aws.endpoint("flights")
    aws.config("flights-2")
    aws.containers.gate.clear()
    with monkeypatch.context() as patch:
        patch.setattr(adapter, "scaled", lambda seconds: seconds / 1e9)
        aws.call(
            "UpdateEndpoint",
            EndpointName="flights",
            EndpointConfigName="flights-2",
            DeploymentConfig=ALARMED,
        )
        aws.eventually(lambda: ("new", "Creating") in _stages(aws))
    aws.containers.gate.set()
    assert aws.settled("flights")["EndpointConfigName"] == "flights-2"
