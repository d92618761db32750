"""Copies on instances: what an instance holds, where a copy goes, instances that come and go."""

import json
import sysconfig
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from support.sagemaker_door import Aws

from local_aws import adapter
from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker import store
from local_aws.sagemaker.inference_components.hardware import Hardware, hardware
from local_aws.sagemaker.inference_components.pool import Pool

HALF = Hardware(cpus=2, memory_mb=8192, accelerators=0)
QUARTER = Hardware(cpus=1, memory_mb=4096, accelerators=0)


def _pool(least: int = 1, most: int = 2, *, count: int = 1, **scaling: Any) -> Pool:
    bounds = {"Status": "ENABLED", "MinInstanceCount": least, "MaxInstanceCount": most}
    variant = {"InstanceType": "ml.m5.xlarge", "ManagedInstanceScaling": bounds | scaling}
    pool = Pool(variant, count, "role")
    pool.start(threading.Event())
    return pool


def test_the_accelerators_of_an_instance_type_are_those_the_sdk_counts() -> None:
    """The SageMaker SDK's own table, for every type an endpoint can have."""
    table = Path(sysconfig.get_paths()["purelib"]) / (
        "sagemaker/core/image_uri_config/instance_gpu_info.json"
    )
    counted = json.loads(table.read_text())["us-east-1"]
    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    offered = set(shapes["ProductionVariantInstanceType"]["enum"])
    compared = {
        kind: found.accelerators for kind in offered & set(counted) if (found := hardware(kind))
    }
    assert compared == {kind: counted[kind]["Count"] for kind in offered & set(counted)}
    assert len(compared) > 15


@pytest.mark.parametrize(
    ("kind", "cpus", "gib", "accelerators"),
    [
        ("ml.m5.large", 2, 8, 0),
        ("ml.c5.18xlarge", 72, 144, 0),
        ("ml.r7gd.medium", 1, 8, 0),
        ("ml.g5.xlarge", 4, 16, 1),
        ("ml.g6e.48xlarge", 192, 1536, 8),
        ("ml.p3.8xlarge", 32, 244, 4),
        ("ml.p5.48xlarge", 192, 2048, 8),
    ],
)
def test_an_instance_type_holds_what_ec2_says(
    kind: str, cpus: float, gib: float, accelerators: float
) -> None:
    """Amazon EC2 User Guide, "Instance types"."""
    assert hardware(kind) == Hardware(cpus=cpus, memory_mb=gib * 1024, accelerators=accelerators)


@pytest.mark.parametrize("kind", ["ml.trn2.48xlarge", "ml.inf2.xlarge", "ml.p6-b200.48xlarge"])
def test_does_not_guess_what_a_type_holds(kind: str) -> None:
    assert hardware(kind) is None


def test_copies_spread_unless_they_are_to_be_packed() -> None:
    """botocore: PlacementStrategy SPREAD and BINPACK."""
    spread, packed = _pool(2, 2, count=2), _pool(2, 2, count=2)
    for number in range(2):
        spread.reserve(str(number), "churn", QUARTER, binpack=False)
        packed.reserve(str(number), "churn", QUARTER, binpack=True)
    assert sorted(len(i.held) for i in spread.instances) == [1, 1]
    assert sorted(len(i.held) for i in packed.instances) == [0, 2]


def test_an_instance_is_added_when_a_copy_finds_no_room_until_there_are_as_many_as_allowed() -> (
    None
):
    pool = _pool(1, 2)
    for number in range(4):
        pool.reserve(str(number), "churn", HALF, binpack=False)
    assert [len(i.held) for i in pool.instances] == [2, 2]
    with pytest.raises(RuntimeFailure, match="not enough hardware resources on the instances"):
        pool.reserve("5", "churn", HALF, binpack=False)
    pool.release("0")
    assert pool.reserve("5", "churn", HALF, binpack=False)


def test_instances_are_fixed_without_managed_scaling() -> None:
    pool = Pool({"InstanceType": "ml.m5.xlarge"}, 1, "role")
    pool.start(threading.Event())
    pool.reserve("0", "churn", HALF, binpack=False)
    pool.reserve("1", "churn", HALF, binpack=False)
    with pytest.raises(RuntimeFailure):
        pool.reserve("2", "churn", HALF, binpack=False)
    pool.release("0")
    pool.release("1")
    pool.shrink()
    assert len(pool.instances) == 1


def test_idle_instances_go_after_their_cooldown_a_step_at_a_time_down_to_the_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """botocore: ScaleInPolicy.CooldownInMinutes and MaximumStepSize; MinInstanceCount 0."""
    clock = [1000.0]
    monkeypatch.setattr(store, "now", lambda: clock[0])
    monkeypatch.setattr(adapter, "scaled", lambda seconds: seconds)
    policy = {"Strategy": "IDLE_RELEASE", "MaximumStepSize": 2, "CooldownInMinutes": 5}
    pool = _pool(0, 4, count=4, ScaleInPolicy=policy)
    pool.reserve("busy", "churn", HALF, binpack=False)

    def after(seconds: float) -> int:
        clock[0] += seconds
        pool.shrink()
        return len(pool.instances)

    assert after(299) == 4
    assert after(1) == 2
    assert after(299) == 2
    assert after(1) == 1  # the one the copy is on stays
    pool.release("busy")
    assert after(299) == 1
    assert after(2) == 0


def test_the_endpoint_shows_its_instances(aws: Aws, hosting: Any) -> None:
    hosting.endpoint(hosting.managed(1, 3))
    described = aws.call("DescribeEndpoint", EndpointName="shared")["ProductionVariants"][0]
    assert described["CurrentInstanceCount"] == 1
    assert described["ManagedInstanceScaling"]["MaxInstanceCount"] == 3
    assert "DeployedImages" not in described
    hosting.component(Specification=hosting.specification(memory=16384))
    assert hosting.scale(3)["RuntimeConfig"]["CurrentCopyCount"] == 3
    assert hosting.instances() == 3


def test_a_component_that_finds_no_room_fails_with_the_services_sentence(
    aws: Aws, hosting: Any
) -> None:
    hosting.endpoint()
    crowded = hosting.component(
        Specification=hosting.specification(memory=16384), RuntimeConfig={"CopyCount": 2}
    )
    assert crowded["InferenceComponentStatus"] == "Failed"
    assert crowded["FailureReason"] == (
        "There is not enough hardware resources on the instances for this endpoint to create a "
        "copy of the inference component."
    )
    assert aws.containers.running == []


def test_scaling_goes_as_far_as_there_is_room(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    hosting.component(Specification=hosting.specification(memory=8192))
    described = hosting.scale(3)
    assert described["InferenceComponentStatus"] == "InService"
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert "not enough hardware resources" in described["FailureReason"]


def test_instances_that_copies_are_on_stay_when_fewer_are_asked_for(aws: Aws, hosting: Any) -> None:
    """What UpdateEndpointWeightsAndCapacities does to them is not documented: none is lost here."""
    hosting.endpoint(hosting.managed(1, 3))
    hosting.component(
        Specification=hosting.specification(memory=16384), RuntimeConfig={"CopyCount": 2}
    )
    for wanted, found in ((3, 3), (1, 2)):
        change = {"VariantName": "primary", "DesiredInstanceCount": wanted}
        aws.call(
            "UpdateEndpointWeightsAndCapacities",
            EndpointName="shared",
            DesiredWeightsAndCapacities=[change],
        )
        aws.settled("shared")
        assert hosting.instances() == found
    assert hosting.invoke()[0] == 200


def test_a_specification_for_each_instance_type(aws: Aws, hosting: Any) -> None:
    """botocore: Specifications, one for each InstanceType."""
    hosting.endpoint()
    several = [
        hosting.specification(memory=1024) | {"InstanceType": "ml.g5.xlarge"},
        hosting.specification(memory=16384) | {"InstanceType": "ml.m5.xlarge"},
    ]
    described = hosting.component(Specification=None, Specifications=several)
    assert [s["InstanceType"] for s in described["Specifications"]] == [
        "ml.g5.xlarge",
        "ml.m5.xlarge",
    ]
    crowded = hosting.scale(2)
    assert crowded["RuntimeConfig"]["CurrentCopyCount"] == 1
    request = hosting.request("bad", Specification=None, Specifications=several[:1])
    assert "the variant's instances are ml.m5.xlarge" in (
        aws.refusal("CreateInferenceComponent", **request).message
    )
