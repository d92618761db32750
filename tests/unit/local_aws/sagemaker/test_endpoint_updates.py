"""How an endpoint changes: the new fleet beside the old one, traffic, alarms, rollback."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.sagemaker.deployment.endpoint import require

BROKEN = "s3://artifacts/broken/model.tar.gz"


def _statuses(aws: Aws) -> list[str]:
    wanted = "SageMaker Endpoint State Change"
    return [e["detail"]["EndpointStatus"] for e in aws.events if e["detail-type"] == wanted]


def _update(aws: Aws, config: str = "flights-2", **rest: Any) -> dict[str, Any]:
    aws.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName=config, **rest)
    return aws.settled("flights")


def test_an_endpoint_that_cannot_start_is_failed_and_says_why(aws: Aws) -> None:
    """contracts.md, refusals: container not answering /ping in time."""
    aws.endpoint("good")
    aws.services.objects.add(BROKEN)
    aws.model("broken", ModelDataUrl=BROKEN)
    aws.containers.broken.add(BROKEN)
    aws.config("bad-1", aws.variant(ModelName="broken"))
    aws.call("CreateEndpoint", EndpointName="bad", EndpointConfigName="bad-1")
    failed = aws.settled("bad")
    assert failed["EndpointStatus"] == "Failed"
    assert "ping health check" in failed["FailureReason"]
    aws.call("DeleteEndpoint", EndpointName="bad")


def test_refuses_a_second_endpoint_of_the_same_name_in_any_case(aws: Aws) -> None:
    """contracts.md 3.3: the name is case-insensitive at create."""
    aws.endpoint("flights")
    error = aws.refusal("CreateEndpoint", EndpointName="Flights", EndpointConfigName="flights-1")
    assert error.code == "ValidationException"
    assert error.message.startswith("Cannot create already existing endpoint")


def test_an_update_replaces_the_fleet_and_announces_it(aws: Aws) -> None:
    """contracts.md 9.2: statuses in upper snake case."""
    aws.endpoint("flights")
    old = aws.containers.running[0]
    aws.config("flights-2", aws.variant(InstanceType="ml.m5.xlarge"))
    assert _update(aws)["EndpointConfigName"] == "flights-2"
    assert old not in aws.containers.running
    assert len(aws.containers.running) == 1
    wanted = ["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE"]
    aws.eventually(lambda: len(_statuses(aws)) >= len(wanted))  # told just after it is so
    assert _statuses(aws) == wanted


def test_the_old_fleet_answers_while_the_new_one_starts(aws: Aws) -> None:
    aws.endpoint("flights")
    aws.config("flights-2")
    aws.containers.gate.clear()
    aws.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="flights-2")
    assert aws.http("/endpoints/flights/invocations")[0].status == 200
    described = aws.call("DescribeEndpoint", EndpointName="flights")
    assert described["EndpointStatus"] == "Updating"
    aws.containers.gate.set()
    assert aws.settled("flights")["EndpointConfigName"] == "flights-2"


def test_an_asynchronous_request_keeps_its_fleet_and_the_queue_outlives_both(aws: Aws) -> None:
    queued = {"OutputConfig": {"S3OutputPath": "s3://o/p"}}
    aws.endpoint("flights", AsyncInferenceConfig=queued)
    endpoint = require("flights")
    queue = endpoint.queue
    elsewhere = {"OutputConfig": {"S3OutputPath": "s3://o/other"}}
    aws.config("flights-2", AsyncInferenceConfig=elsewhere)
    with endpoint.lease() as old:
        aws.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="flights-2")
        aws.eventually(lambda: endpoint.first.variant is not old)
        assert old in aws.containers.running
        assert endpoint.status == "Updating"
    assert aws.settled("flights")["EndpointConfigName"] == "flights-2"
    assert old not in aws.containers.running
    assert endpoint.queue is queue


def test_a_failed_update_leaves_the_old_configuration_in_service(aws: Aws) -> None:
    aws.endpoint("flights")
    aws.services.objects.add(BROKEN)
    aws.model("broken", ModelDataUrl=BROKEN)
    aws.containers.broken.add(BROKEN)
    aws.config("flights-2", aws.variant(ModelName="broken"))
    after = _update(aws)
    assert after["EndpointStatus"] == "InService"
    assert after["EndpointConfigName"] == "flights-1"
    assert "ping health check" in after["FailureReason"]
    assert aws.http("/endpoints/flights/invocations")[0].status == 200


def test_refuses_an_update_while_one_is_in_progress(aws: Aws) -> None:
    aws.endpoint("flights")
    aws.config("flights-2")
    aws.containers.gate.clear()
    aws.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="flights-2")
    for operation in ("UpdateEndpoint", "DeleteEndpoint"):
        extra = {"EndpointConfigName": "flights-2"} if operation == "UpdateEndpoint" else {}
        error = aws.refusal(operation, EndpointName="flights", **extra)
        assert error.message.startswith("Cannot update in-progress endpoint")
    aws.containers.gate.set()
    aws.settled("flights")


def test_scaling_changes_the_count_in_place(aws: Aws) -> None:
    aws.endpoint("flights")
    variant = aws.containers.running[0]
    wanted = [{"VariantName": "primary", "DesiredInstanceCount": 3, "DesiredWeight": 2.0}]
    aws.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="flights",
        DesiredWeightsAndCapacities=wanted,
    )
    summary = aws.settled("flights")["ProductionVariants"][0]
    assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (3, 2.0)
    assert aws.containers.running == [variant]
    assert variant.count == 3


def test_a_scaling_that_fails_rolls_back(aws: Aws) -> None:
    aws.endpoint("flights")
    aws.containers.running[0].scale_failure = "no room for another container"
    wanted = [{"VariantName": "primary", "DesiredInstanceCount": 3}]
    aws.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="flights",
        DesiredWeightsAndCapacities=wanted,
    )
    after = aws.settled("flights")
    assert after["ProductionVariants"][0]["DesiredInstanceCount"] == 1
    assert after["FailureReason"] == "no room for another container"
    assert "ROLLING_BACK" in _statuses(aws)


def test_refuses_zero_instances_on_a_real_time_endpoint(aws: Aws) -> None:
    """contracts.md 3.5 and 5.6: only async endpoints and components scale to zero."""
    aws.endpoint("flights")
    aws.endpoint("later", AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://o/p"}})
    nothing = [{"VariantName": "primary", "DesiredInstanceCount": 0}]
    aws.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="later",
        DesiredWeightsAndCapacities=nothing,
    )
    error = aws.refusal(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="flights",
        DesiredWeightsAndCapacities=nothing,
    )
    assert "at least 1" in error.message
    aws.settled("later")


@pytest.mark.parametrize(
    ("excluded", "count", "weight"),
    [([], 3, 2.0), (["DesiredInstanceCount"], 1, 2.0), (["DesiredWeight"], 3, 1.0)],
)
def test_an_update_keeps_what_it_was_told_to_keep(
    aws: Aws, excluded: list[str], count: int, weight: float
) -> None:
    """API, UpdateEndpoint: RetainAllVariantProperties and its exclusions."""
    aws.endpoint("flights")
    wanted = [{"VariantName": "primary", "DesiredInstanceCount": 3, "DesiredWeight": 2.0}]
    aws.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="flights",
        DesiredWeightsAndCapacities=wanted,
    )
    aws.settled("flights")
    aws.config("flights-2")
    after = _update(
        aws,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": kind} for kind in excluded],
    )
    summary = after["ProductionVariants"][0]
    assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (count, weight)


def test_refuses_an_instance_type_change_while_registered_for_scaling(aws: Aws) -> None:
    """contracts.md, refusals: changed while its variant is a registered scalable target."""
    aws.endpoint("flights")
    aws.config("flights-2", aws.variant(InstanceType="ml.m5.xlarge"))
    assert _update(aws)["EndpointConfigName"] == "flights-2"
    target = ("endpoint/flights/variant/primary", "sagemaker:variant:DesiredInstanceCount")
    aws.registered.add(target)
    error = aws.refusal("UpdateEndpoint", EndpointName="flights", EndpointConfigName="flights-1")
    assert "deregister endpoint/flights/variant/primary first" in error.message


def test_refuses_to_make_an_instance_variant_serverless(aws: Aws) -> None:
    """contracts.md 4: real-time -> serverless is refused, serverless -> real-time is allowed."""
    aws.endpoint("flights")
    serverless = aws.variant(
        ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 1},
        InstanceType=None,
        InitialInstanceCount=None,
    )
    aws.endpoint("small", serverless)
    aws.call("UpdateEndpoint", EndpointName="small", EndpointConfigName="flights-1")
    assert aws.settled("small")["EndpointConfigName"] == "flights-1"
    error = aws.refusal("UpdateEndpoint", EndpointName="flights", EndpointConfigName="small-1")
    assert "cannot become serverless" in error.message
