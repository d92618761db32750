"""What a stack's update of an endpoint does to counts, weights, capture and guardrails."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.cloudformation.types import TYPES

WHERE: dict[str, Any] = {"stack_name": "flights-local-endpoint", "logical_id": "Thing"}
CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://captured/here",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
FIRST = {"EndpointName": "e", "EndpointConfigName": "c1", "RetainAllVariantProperties": "true"}
(ENDPOINT,) = (kind for kind in TYPES if kind.noun == "Endpoint")


@pytest.fixture
def arn(aws: Aws) -> str:
    """An endpoint of a stack, scaled to three instances and twice the weight since."""
    aws.model()
    aws.config("c1", DataCaptureConfig=CAPTURE)
    aws.config("c2")
    made, _ = ENDPOINT.create(FIRST, **WHERE)
    aws.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="e",
        DesiredWeightsAndCapacities=[
            {"VariantName": "primary", "DesiredInstanceCount": 3, "DesiredWeight": 2.0}
        ],
    )
    aws.settled("e")
    aws.eventually(lambda: _statuses(aws).count("IN_SERVICE") == 2)  # told just after it is so
    aws.events.clear()
    return made


def _statuses(aws: Aws) -> list[str]:
    wanted = "SageMaker Endpoint State Change"
    return [e["detail"]["EndpointStatus"] for e in aws.events if e["detail-type"] == wanted]


@pytest.mark.parametrize(
    ("excluded", "count", "weight", "captured"),
    [
        ([], 3, 2.0, True),
        (["DesiredInstanceCount"], 1, 2.0, True),
        (["DesiredWeight"], 3, 1.0, True),
        (["DataCaptureConfig"], 3, 2.0, False),
        (["DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig"], 1, 1.0, False),
    ],
)
def test_a_stack_keeps_what_it_is_told_to_keep(
    aws: Aws, arn: str, excluded: list[str], count: int, weight: float, captured: bool
) -> None:
    """API, UpdateEndpoint: RetainAllVariantProperties and the three exclusions."""
    new = FIRST | {
        "EndpointConfigName": "c2",
        "ExcludeRetainedVariantProperties": [{"VariantPropertyType": one} for one in excluded],
    }
    assert ENDPOINT.update(arn, new, FIRST, **WHERE)[0] == arn
    after = aws.call("DescribeEndpoint", EndpointName="e")
    (summary,) = after["ProductionVariants"]
    assert after["EndpointConfigName"] == "c2"
    assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (count, weight)
    assert ("DataCaptureConfig" in after) is captured


def test_flags_and_guardrails_alone_deploy_nothing_and_hold_for_the_next_time(
    aws: Aws, arn: str
) -> None:
    """contracts.md 3.6: DeploymentConfig matters when EndpointConfigName changes."""
    aws.services.alarms["errors"] = "ALARM"
    guarded = FIRST | {
        "RetainAllVariantProperties": "false",
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "ALL_AT_ONCE",
                    "WaitIntervalInSeconds": "0",
                }
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
        },
    }
    running = list(aws.containers.running)
    assert ENDPOINT.update(arn, guarded, FIRST, **WHERE)[0] == arn
    assert _statuses(aws) == []
    assert aws.containers.running == running
    with pytest.raises(RuntimeError, match="alarms went off during the deployment: errors"):
        ENDPOINT.update(arn, guarded | {"EndpointConfigName": "c2"}, guarded, **WHERE)
    (summary,) = aws.call("DescribeEndpoint", EndpointName="e")["ProductionVariants"]
    assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (3, 2.0)
