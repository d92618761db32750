"""Objects above the function's limit go to a Spark job of their own (contracts 7)."""

from __future__ import annotations

from typing import Any

import pytest

from sagemaker_workflow.preprocessing import SparkCluster
from sagemaker_workflow.preprocessing.definition import ingest
from sagemaker_workflow.preprocessing.spark_job import request

CLUSTER = SparkCluster(size_limit=2_000, packed_limit=500, instance_count=3)


@pytest.fixture
def states() -> dict[str, Any]:
    machine = ingest({"name": "orders"}, function_timeout_seconds=900, spark=CLUSTER, region="r")
    found: dict[str, Any] = machine["States"]
    return found


def test_an_object_above_the_limit_goes_to_spark_and_packed_ones_earlier(
    states: dict[str, Any],
) -> None:
    to_spark, to_function = states["What size is it?"]["Choices"]
    assert "? 500 : 2000)" in to_spark["Condition"]
    assert to_spark["Next"] == "Name its Spark job"
    assert states["Name its Spark job"]["Next"] == "Ask Spark"
    assert to_function["Next"] == "Preprocess"


def test_without_spark_every_object_goes_to_the_function() -> None:
    states = ingest({"name": "orders"}, function_timeout_seconds=900)["States"]
    assert {choice["Next"] for choice in states["Read the request"]["Choices"]} == {"Preprocess"}


def test_the_job_runs_smspark_submit_on_every_instance_with_encrypted_traffic() -> None:
    asked = request(CLUSTER, dataset="orders")
    assert asked["AppSpecification"]["ContainerEntrypoint"] == ["smspark-submit"]
    assert asked["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3
    assert asked["NetworkConfig"] == {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": True,
    }
    for one in asked["ProcessingInputs"]:
        assert one["S3Input"]["LocalPath"].startswith("/opt/ml/processing/")


def test_no_instances_means_another_attempt_under_another_name(states: dict[str, Any]) -> None:
    assert "$sparkAttempt" in states["Preprocess with Spark"]["Arguments"]["ProcessingJobName"]
    assert states["Wait for instances"]["Assign"] == {"sparkAttempt": "{% $sparkAttempt + 1 %}"}
    assert states["Why did Spark fail?"]["Default"] == "Keep it for a replay"


def test_what_the_function_finds_to_be_packed_and_too_large_goes_to_spark(
    states: dict[str, Any],
) -> None:
    """Its key may end in anything; the function looks at the first bytes."""
    larger, *_ = states["Preprocess"]["Catch"]
    assert larger["ErrorEquals"] == ["DatasetTooLarge"]
    assert larger["Output"] == "{% $states.input %}"
    assert larger["Next"] == states["What size is it?"]["Choices"][0]["Next"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"instance_type": "ml.g5.xlarge"}, "whose GPU preprocessing does not use"),
        ({"instance_count": 0}, "instance_count is 0, allowed is 1 to 100"),
        ({"subnets": ["subnet-1"]}, "subnets and security_groups are given together"),
    ],
)
def test_refuses_a_cluster_that_cannot_be(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        SparkCluster(**{"size_limit": 1, "packed_limit": 1, **changes}).check()
