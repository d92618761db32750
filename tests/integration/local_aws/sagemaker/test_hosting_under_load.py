"""Endpoints under a constant load: variants, shadows, updates. No request may be lost."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from support.load import constant_load
from support.local_aws_server import LocalAws
from support.stand_ins import BUCKET, StandIns, eventually

pytestmark = pytest.mark.timeout(180)
RATE = 50.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    """A server where ten minutes are ten seconds, with models that answer with their names."""
    with LocalAws.started(tmp_path_factory.mktemp("aws"), enforce=True, time_factor=60) as aws:
        world = StandIns(aws)
        for name in ("one", "two"):
            world.model(name)
        world.model("broken", STATUS="500")
        yield world


def test_variants_share_the_load_by_weight_and_change_it_in_place(world: StandIns) -> None:
    """API, CreateEndpointConfig: weights 3 and 1 are three quarters and one quarter."""
    name = world.endpoint(
        "ab",
        world.variant("one", InitialVariantWeight=3.0),
        world.variant("two", InitialVariantWeight=1.0),
    )
    with constant_load(name, rate=RATE, server=world.aws, body=b"1") as shared:
        eventually(lambda: shared.report.sent >= 120)
    with constant_load(name, rate=RATE, server=world.aws, body=b"1") as load:
        eventually(lambda: len(load.report.by_answer) == 2)
        world.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[
                {"VariantName": "one", "DesiredWeight": 0.0},
                {"VariantName": "two", "DesiredWeight": 1.0, "DesiredInstanceCount": 2},
            ],
        )
        world.settled(name)
    with constant_load(name, rate=RATE, server=world.aws, body=b"1") as then:
        time.sleep(0.5)
        assert world.ask(name, TargetVariant="one") == "one x"
        world.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[{"VariantName": "two", "DesiredInstanceCount": 1}],
        )
        world.settled(name)
    assert shared.report.failed == load.report.failed == then.report.failed == []
    assert shared.report.by_variant["one"] / shared.report.sent == pytest.approx(0.75, abs=0.03)
    assert set(then.report.by_variant) == {"two"}
    # The one that was asked by name is counted too.
    every = shared.report.by_variant + load.report.by_variant + then.report.by_variant
    wanted = {"one": every["one"] + 1, "two": every["two"]}
    eventually(lambda: {one: world.metric("Invocations", name, one) for one in wanted} == wanted)


def test_a_shadow_gets_its_share_and_never_slows_or_fails_the_caller(world: StandIns) -> None:
    """API, ShadowProductionVariants: traffic is replicated, answers are not used."""
    name = world.endpoint(
        "shadowed",
        world.variant("one"),
        ShadowProductionVariants=[world.variant("broken", InitialVariantWeight=0.5)],
    )
    with constant_load(name, rate=RATE, server=world.aws, body=b"1") as load:
        time.sleep(1)
        world.model("slowly", DELAY="10", STATUS="500")
        slow = [world.variant("slowly", InitialVariantWeight=1.0)]
        world.config("shadowed-2", world.variant("one"), ShadowProductionVariants=slow)
        assert world.update(name, "shadowed-2")["EndpointConfigName"] == "shadowed-2"
        time.sleep(1)
    report = load.report
    assert report.failed == []
    assert set(report.by_variant) == {"one"}
    assert report.latency(95) < 10  # what the shadow takes
    eventually(lambda: world.metric("Invocations", name, "slowly") > 0)
    shadowed = world.metric("Invocations", name, "broken")
    assert world.metric("Invocation5XXErrors", name, "broken") == shadowed
    assert world.metric("Invocation5XXErrors", name, "one") == 0
    assert 0 < shadowed < 0.6 * report.sent
    world.sagemaker.delete_endpoint(EndpointName=name)


def test_an_update_loses_no_request_and_captures_what_it_should(world: StandIns) -> None:
    """API, UpdateEndpoint: there is no availability loss. DG "Data capture": the lines."""
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    name = world.endpoint(
        "updated", world.variant("one", VariantName="v"), DataCaptureConfig=capture
    )
    canary = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 60,
            },
            "MaximumExecutionTimeoutInSeconds": 600,
        }
    }
    with constant_load(name, rate=RATE, server=world.aws, body=b"1") as load:
        world.config(
            "updated-2",
            world.variant("two", VariantName="v", InitialInstanceCount=2),
            DataCaptureConfig=capture,
        )
        after = world.update(name, "updated-2", DeploymentConfig=canary)
        assert after["EndpointConfigName"] == "updated-2", after.get("FailureReason")
        time.sleep(1)
    assert load.report.failed == []
    assert set(load.report.by_answer) == {"one 1", "two 1"}
    world.sagemaker.delete_endpoint(EndpointName=name)  # writes what is left

    def lines() -> list[dict]:  # type: ignore[type-arg]
        found = world.objects("captured/updated/v/")
        assert all(
            re.fullmatch(r"captured/updated/v/\d{4}/\d\d/\d\d/\d\d/[\w-]+\.jsonl", key)
            for key in found
        )
        return [json.loads(line) for body in found.values() for line in body.splitlines()]

    # Half of what came before the update and half of what came after.
    eventually(lambda: load.report.sent // 2 - 1 <= len(lines()) <= load.report.sent // 2 + 1)
    record = lines()[0]
    assert record["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": "1",
        "encoding": "CSV",
    }
    assert record["captureData"]["endpointOutput"]["data"] in {"one 1", "two 1"}
    assert record["eventVersion"] == "0"
    assert set(record["eventMetadata"]) == {"eventId", "inferenceTime"}


def test_an_alarm_on_what_the_data_plane_counted_rolls_back(world: StandIns) -> None:
    """contracts.md 3.6: the canary's own errors fire the alarm; counts and weights stay."""
    name = world.endpoint("guarded", world.variant("one", VariantName="v"))
    world.aws.client("cloudwatch").put_metric_alarm(
        AlarmName="guarded-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": name},
            {"Name": "VariantName", "Value": "v"},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "v", "DesiredWeight": 0.5, "DesiredInstanceCount": 2}
        ],
    )
    world.settled(name)
    world.config("guarded-2", world.variant("broken", VariantName="v", InitialInstanceCount=2))
    with constant_load(name, rate=RATE, server=world.aws, body=b"1") as load:
        after = world.update(
            name,
            "guarded-2",
            DeploymentConfig={
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "CANARY",
                        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                        "WaitIntervalInSeconds": 600,
                    }
                },
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "guarded-errors"}]},
            },
        )
        over = time.time()
        asked = load.report.sent
        eventually(lambda: load.report.sent > asked + RATE)
    assert after["EndpointConfigName"] == "guarded-1"
    assert "guarded-errors" in after["FailureReason"]
    (summary,) = after["ProductionVariants"]
    assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (2, 0.5)
    assert {failure.status for failure in load.report.failed} == {424}  # the canary's own answers
    assert all(failure.sent < over for failure in load.report.failed)  # none after the rollback
