"""Multi-model endpoints, inference pipelines, direct invocation; capture by a role that may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support import sagemaker_on_local_aws as local
from support.local_aws_server import LocalAws
from support.stand_ins import BUCKET, StandIns, eventually

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    with LocalAws.started(tmp_path_factory.mktemp("aws"), enforce=True, time_factor=60) as aws:
        yield StandIns(aws)


def _refused(world: StandIns, endpoint: str, **rest: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        world.ask(endpoint, **rest)
    return {**caught.value.response["Error"], **caught.value.response}


def _multi_model(world: StandIns, name: str, *, cache: str = "Enabled", **environment: str) -> str:
    container = world.container(**environment) | {
        "Mode": "MultiModel",
        "ModelDataUrl": f"s3://{BUCKET}/many/",
        "MultiModelConfig": {"ModelCacheSetting": cache},
    }
    world.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer=container
    )
    return world.endpoint(name, world.variant(name))


def test_a_multi_model_endpoint_loads_on_demand_and_makes_room(world: StandIns) -> None:
    """contracts.md 2.4: POST /models, 507 unloads others, invoke; 3.5: its metrics."""
    for model in ("a", "b", "c"):
        world.archive(f"many/{model}.tar.gz", model)
    name = _multi_model(world, "many", ROOM="2")
    for model in ("a", "b", "a", "c", "a", "b"):  # c takes the place of b, b that of c
        assert world.ask(name, TargetModel=f"{model}.tar.gz") == f"{model} x"
    wanted = {
        "ModelCacheHit": 6,
        "ModelLoadingWaitTime": 4,  # a, b, c, and b again
        "ModelDownloadingTime": 3,  # b was still on the volume
        "ModelLoadingTime": 4,
        "ModelUnloadingTime": 2,
    }
    eventually(
        lambda: {one: world.metric(one, name, name, "SampleCount") for one in wanted} == wanted
    )
    assert world.metric("ModelCacheHit", name, name) == 2


def test_a_multi_model_endpoint_takes_models_that_come_later(world: StandIns) -> None:
    """contracts.md 2.4: ModelDataUrl is a prefix; what is not under it is refused by name."""
    name = _multi_model(world, "later", cache="Disabled")
    refused = _refused(world, name, TargetModel="new.tar.gz")
    assert refused["Code"] == "ValidationError"
    assert (
        f"Failed to download model data (bucket: {BUCKET}, key: many/new.tar.gz)"
        in (refused["Message"])
    )
    world.archive("many/new.tar.gz", "new")
    assert world.ask(name, TargetModel="new.tar.gz") == "new x"
    assert world.ask(name, TargetModel="new.tar.gz") == "new x"
    # Without a cache every request loads the model anew.
    eventually(lambda: world.metric("ModelLoadingTime", name, name, "SampleCount") == 2)
    assert world.metric("ModelCacheHit", name, name) == 0


def test_a_model_must_be_named_on_a_multi_model_endpoint_and_nowhere_else(world: StandIns) -> None:
    """contracts.md 3.1: TargetModel, which streaming does not have."""
    name = _multi_model(world, "named")
    assert "name a model of it in TargetModel" in _refused(world, name)["Message"]
    with pytest.raises(ClientError, match="InvokeEndpointWithResponseStream does not take"):
        world.runtime.invoke_endpoint_with_response_stream(EndpointName=name, Body=b"x")
    world.model("single")
    world.endpoint("single", world.variant("single"))
    refused = _refused(world, "single", TargetModel="a.tar.gz")
    assert "do not send TargetModel" in refused["Message"]


def _several(world: StandIns, name: str, mode: str, **second: str) -> str:
    first = world.container(NAME="first") | {"ContainerHostname": "first"}
    last = world.container(NAME="last", **second) | {"ContainerHostname": "last"}
    world.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=world.role,
        Containers=[first, last],
        InferenceExecutionConfig={"Mode": mode},
    )
    return world.endpoint(name, world.variant(name))


def test_a_pipeline_hands_each_answer_on_and_names_the_stage_that_failed(world: StandIns) -> None:
    """API, InferenceExecutionConfig: serial; contracts.md 2.3: the container in the error."""
    name = _several(world, "serial", "Serial")
    assert world.ask(name, Accept="text/plain") == "last first x"
    names = {
        image["SpecifiedImage"]
        for image in world.settled(name)["ProductionVariants"][0]["DeployedImages"]
    }
    assert names == {world.image}
    bad = _several(world, "serial-bad", "Serial", STATUS="418")
    refused = _refused(world, bad)
    assert refused["Code"] == "ModelError"
    assert refused["OriginalStatusCode"] == 418
    assert "Received client error (418) from last" in refused["Message"]


def test_direct_invocation_asks_the_container_that_is_named(world: StandIns) -> None:
    """contracts.md 3.1: TargetContainerHostname."""
    name = _several(world, "direct", "Direct")
    assert world.ask(name, TargetContainerHostname="last") == "last x"
    assert world.ask(name, TargetContainerHostname="first") == "first x"
    assert "name one of first, last" in _refused(world, name)["Message"]
    refused = _refused(world, name, TargetContainerHostname="third")
    assert "must be one of first, last" in refused["Message"]


def test_a_role_that_may_not_write_loses_the_capture_and_no_request(world: StandIns) -> None:
    """contracts.md 13.2: s3:PutObject for data capture. It shows in status and log."""
    statements = [
        {"Effect": "Allow", "Action": ["ecr:*", "logs:*", "s3:GetObject"], "Resource": "*"}
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    role = local.role(world.aws, "may-not-write", policy)
    world.model("uncaptured", role=role)
    name = world.endpoint(
        "uncaptured",
        world.variant("uncaptured"),
        DataCaptureConfig={
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/captured",
            "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        },
    )
    summary = world.settled(name)["DataCaptureConfig"]
    assert (summary["EnableCapture"], summary["CaptureStatus"]) == (True, "Started")
    assert world.ask(name) == "uncaptured x"
    eventually(lambda: world.settled(name)["DataCaptureConfig"]["CaptureStatus"] == "Stopped")
    logs = world.aws.client("logs")

    def lines() -> list[str]:
        found = logs.filter_log_events(
            logGroupName=f"/aws/sagemaker/Endpoints/{name}",
            logStreamNames=["uncaptured/data-capture"],
        )
        return [event["message"] for event in found["events"]]

    (line,) = eventually(lines)
    assert line.startswith("data capture lost 1 record: ")
    assert "s3:PutObject" in line
    allowed = [*statements, {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]
    world.aws.client("iam").put_role_policy(
        RoleName="may-not-write",
        PolicyName="policy",
        PolicyDocument=json.dumps(policy | {"Statement": allowed}),
    )
    world.ask(name, b"\x00\xff", ContentType="application/octet-stream")
    (body,) = eventually(lambda: world.objects(f"captured/{name}/")).values()
    captured = json.loads(body)["captureData"]["endpointInput"]
    assert (captured["data"], captured["encoding"]) == ("AP8=", "BASE64")
    assert world.settled(name)["DataCaptureConfig"]["CaptureStatus"] == "Started"
