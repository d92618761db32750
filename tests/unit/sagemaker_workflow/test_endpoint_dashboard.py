"""A dashboard names metrics that the service publishes, under the dimensions it publishes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import CfnCondition, CfnParameter, Fn, Stack
from aws_cdk import aws_s3 as s3
from support.templates import flat, only, resources

from sagemaker_workflow.endpoints import (
    AsyncEndpoint,
    AsyncResults,
    Instances,
    Operations,
    RealtimeEndpoint,
    Rollout,
    Scaling,
    Serverless,
    ServerlessEndpoint,
    Shadow,
    Variant,
)
from sagemaker_workflow.endpoints.components import (
    ComponentEndpoint,
    ComponentScaling,
    Copy,
    ManagedScaling,
)
from sagemaker_workflow.model import Model, ModelContainer

REQUESTS, HOSTS = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
BY_ENDPOINT, BY_VARIANT = ("EndpointName",), ("EndpointName", "VariantName")
BY_COMPONENT = ("InferenceComponentName",)
ANSWERING = {
    "Invocations",
    "Invocation4XXErrors",
    "Invocation5XXErrors",
    "InvocationModelErrors",
    "ModelLatency",
    "OverheadLatency",
}
MACHINES = {
    "CPUUtilization",
    "MemoryUtilization",
    "GPUUtilization",
    "GPUMemoryUtilization",
    "DiskUtilization",
}
# Contracts 3.5 and 4: what is published by endpoint and variant, and for machines.
REALTIME = {
    (REQUESTS, BY_VARIANT): ANSWERING | {"InvocationsPerInstance"},
    (HOSTS, BY_VARIANT): MACHINES,
}
SERVERLESS = {(REQUESTS, BY_VARIANT): ANSWERING | {"ModelSetupTime"}}
# Contracts 5.5: no Invocations and no OverheadLatency; a queue belongs to no variant.
ASYNC = {
    (REQUESTS, BY_ENDPOINT): {
        "ApproximateBacklogSize",
        "ApproximateBacklogSizePerInstance",
        "ApproximateAgeOfOldestRequest",
        "HasBacklogWithoutCapacity",
    },
    (REQUESTS, BY_VARIANT): {
        "RequestDownloadFailures",
        "ResponseUploadFailures",
        "NotificationFailures",
        "ExpiredRequests",
        "InvocationFailures",
        "TimeInBacklog",
        "TotalProcessingTime",
        "ModelLatency",
    },
    (HOSTS, BY_VARIANT): MACHINES,
}
# Contracts 3.4 and 3.5: a component's metrics have one dimension, its name.
COMPONENTS = {
    (HOSTS, BY_VARIANT): MACHINES,
    (REQUESTS, BY_COMPONENT): {
        "Invocations",
        "InvocationsPerCopy",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "ModelLatency",
        "NoCapacityInvocationFailures",
    },
}


@pytest.fixture
def kinds(stack: Stack, model: Model) -> dict[str, Any]:
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "the-bucket")
    results = AsyncResults(bucket=bucket, prefix="async")
    return {
        "realtime": lambda **given: RealtimeEndpoint(
            stack, "Churn", model=model, name="churn", **given
        ),
        "serverless": lambda **given: ServerlessEndpoint(
            stack,
            "Churn",
            model=Model(stack, "Open", serves=model.containers[0], isolated=False),
            name="churn",
            capacity=Serverless(),
            **given,
        ),
        "async": lambda **given: AsyncEndpoint(
            stack, "Churn", model=model, name="churn", results=results, **given
        ),
    }


def widgets(stack: Stack) -> list[dict[str, Any]]:
    body = only(stack, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]
    return list(json.loads(flat(body))["widgets"])


def metrics(stack: Stack) -> list[list[Any]]:
    """Every metric of every graph; expressions over them left out."""
    graphs = [one["properties"] for one in widgets(stack) if one["type"] == "metric"]
    return [line for graph in graphs for line in graph["metrics"] if isinstance(line[0], str)]


def named(stack: Stack) -> dict[tuple[str, tuple[str, ...]], set[str]]:
    found: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for namespace, metric, *rest in metrics(stack):
        pairs = [one for one in rest if isinstance(one, str)]
        found.setdefault((namespace, tuple(pairs[::2])), set()).add(metric)
    return found


@pytest.mark.parametrize(
    ("kind", "published"), [("realtime", REALTIME), ("serverless", SERVERLESS), ("async", ASYNC)]
)
def test_it_shows_what_is_published_of_its_kind_and_nothing_else(
    stack: Stack, kinds: dict[str, Any], kind: str, published: dict[Any, set[str]]
) -> None:
    kinds[kind]()
    assert named(stack) == published


@pytest.mark.parametrize("kind", ["realtime", "serverless", "async"])
def test_its_dimensions_are_this_endpoint_and_its_variant(
    stack: Stack, kinds: dict[str, Any], kind: str
) -> None:
    kinds[kind]()
    for _, _, *rest in metrics(stack):
        pairs = [one for one in rest if isinstance(one, str)]
        values = dict(zip(pairs[::2], pairs[1::2], strict=True))
        assert values in (
            {"EndpointName": "churn"},
            {"EndpointName": "churn", "VariantName": "primary"},
        )


@pytest.mark.parametrize("kind", ["realtime", "serverless", "async"])
def test_it_shows_every_alarm_of_the_endpoint(
    stack: Stack, kinds: dict[str, Any], kind: str
) -> None:
    kinds[kind](
        rollout=Rollout(max_latency_ms=200, strategy=None if kind == "serverless" else "canary")
    )
    [shown] = [one for one in widgets(stack) if one["type"] == "alarm"]
    made = {f"<{name}.Arn>" for name in resources(stack, "AWS::CloudWatch::Alarm")}
    assert made
    assert set(shown["properties"]["alarms"]) == made


def test_it_says_what_runs_whatever_the_load(stack: Stack, kinds: dict[str, Any]) -> None:
    kinds["realtime"](scaling=Scaling(min_capacity=2, max_capacity=3))
    text = widgets(stack)[0]["properties"]["markdown"]
    assert "Never fewer than **2** instances: at least **1460** instance-hours a month." in text


def test_what_runs_is_that_of_all_variants(stack: Stack, model: Model) -> None:
    second = Variant(name="b", model=model, capacity=Instances(count=3))
    RealtimeEndpoint(stack, "Churn", variants=[Variant(name="a", model=model), second])
    text = widgets(stack)[0]["properties"]["markdown"]
    assert "Never fewer than **5** instances: at least **3650** instance-hours a month." in text


def test_a_shadow_that_may_be_absent_is_no_part_of_what_always_runs(
    stack: Stack, model: Model
) -> None:
    tried = CfnCondition(stack, "Tried", expression=Fn.condition_equals("a", "a"))
    other = Model(stack, "Other", serves=model.containers[0], condition=tried)
    RealtimeEndpoint(stack, "Churn", model=model, shadow=Shadow(model=other))
    assert "Never fewer than **2** instances" in widgets(stack)[0]["properties"]["markdown"]


def test_its_name_has_the_region_for_dashboards_are_an_accounts(
    stack: Stack, kinds: dict[str, Any]
) -> None:
    # API reference, PutDashboard: "All dashboards in your account are global".
    kinds["realtime"]()
    name = only(stack, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardName"]
    assert flat(name) == "churn-<AWS::Region>"


def test_it_says_that_an_endpoint_that_sleeps_costs_nothing(
    stack: Stack, kinds: dict[str, Any]
) -> None:
    kinds["async"](scaling=Scaling(min_capacity=0, max_capacity=3))
    assert "Down to **0** instances" in widgets(stack)[0]["properties"]["markdown"]


def test_it_names_the_parameter_when_the_floor_is_one(stack: Stack, kinds: dict[str, Any]) -> None:
    least = CfnParameter(stack, "MinCapacity", type="Number").value_as_number
    kinds["realtime"](scaling=Scaling(min_capacity=least, max_capacity=3))
    assert "**<MinCapacity>** instances" in widgets(stack)[0]["properties"]["markdown"]


def shared(
    stack: Stack,
    container: ModelContainer,
    scaling: ComponentScaling | None = None,
    **given: Any,
) -> ComponentEndpoint:
    """An endpoint with the components a and b."""
    endpoint = ComponentEndpoint(stack, "Shared", name="shared", **given)
    for id_ in ("a", "b"):
        model = Model(stack, f"Model{id_}", serves=container, role=endpoint.role)
        endpoint.add_component(id_, model=model, each=Copy(memory_mb=512), scaling=scaling)
    return endpoint


def test_components_have_graphs_of_their_own_under_their_names(
    stack: Stack, container: ModelContainer
) -> None:
    shared(stack, container)
    assert named(stack) == COMPONENTS
    of = {(line[2], line[3]) for line in metrics(stack) if line[2] == "InferenceComponentName"}
    assert of == {
        ("InferenceComponentName", "shared-a"),
        ("InferenceComponentName", "shared-b"),
    }
    stats = {line[-1]["stat"] for line in metrics(stack) if line[1] == "ModelLatency"}
    assert stats == {"p50", "p99"}


def test_the_alarms_of_every_component_are_shown(stack: Stack, container: ModelContainer) -> None:
    shared(stack, container)
    [shown] = [one for one in widgets(stack) if one["type"] == "alarm"]
    made = {f"<{name}.Arn>" for name in resources(stack, "AWS::CloudWatch::Alarm")}
    assert len(made) == 2 * 4
    assert set(shown["properties"]["alarms"]) == made


def test_the_floor_of_shared_instances_is_the_managed_minimum(
    stack: Stack, container: ModelContainer
) -> None:
    shared(stack, container, managed=ManagedScaling(min_instances=2, max_instances=3))
    text = widgets(stack)[0]["properties"]["markdown"]
    assert "Never fewer than **2** instances: at least **1460** instance-hours a month." in text


def test_shared_instances_cost_nothing_once_every_component_sleeps(
    stack: Stack, container: ModelContainer
) -> None:
    shared(
        stack,
        container,
        managed=ManagedScaling(min_instances=0),
        scaling=ComponentScaling(min_copies=0),
    )
    text = widgets(stack)[0]["properties"]["markdown"]
    assert "Down to **0** instances: nothing once every component sleeps." in text


@pytest.mark.parametrize("scaling", [None, ComponentScaling(min_copies=1, max_copies=3)])
def test_a_component_that_never_sleeps_keeps_an_instance(
    stack: Stack, container: ModelContainer, scaling: ComponentScaling | None
) -> None:
    shared(stack, container, managed=ManagedScaling(min_instances=0), scaling=scaling)
    text = widgets(stack)[0]["properties"]["markdown"]
    assert "Never fewer than **1** instance: at least **730** instance-hours a month." in text


def test_copies_that_are_parameters_are_named_in_the_floor(
    stack: Stack, container: ModelContainer
) -> None:
    least = CfnParameter(stack, "MinCopies", type="Number").value_as_number
    shared(
        stack,
        container,
        managed=ManagedScaling(min_instances=0),
        scaling=ComponentScaling(min_copies=least),
    )
    text = widgets(stack)[0]["properties"]["markdown"]
    assert "The instances that **<MinCopies> + <MinCopies>** copies take: nothing once" in text


def test_it_can_be_left_out(stack: Stack, container: ModelContainer, model: Model) -> None:
    shared(stack, container, operations=Operations(dashboard=False))
    RealtimeEndpoint(stack, "Churn", model=model, operations=Operations(dashboard=False))
    assert resources(stack, "AWS::CloudWatch::Dashboard") == {}
