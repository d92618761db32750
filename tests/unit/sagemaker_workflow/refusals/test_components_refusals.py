"""What is refused of endpoints of inference components, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import CfnCondition, Fn

from sagemaker_workflow.endpoints import Instances, Routing
from sagemaker_workflow.endpoints.components import (
    ComponentEndpoint,
    ComponentRollout,
    ComponentScaling,
    Copy,
    ManagedScaling,
)

Refused = tuple[Callable[[Any], Any], str]

ENDPOINTS: dict[str, Refused] = {
    "a floor of instances above the ceiling": (
        lambda given: {"managed": ManagedScaling(min_instances=3)},
        "min_instances is 3, allowed is at most max_instances, 2: lower it or raise max_instances",
    ),
    "no instance at most": (
        lambda given: {"managed": ManagedScaling(min_instances=0, max_instances=0)},
        "\n  - max_instances is 0, allowed is 1 to 1000: raise it"
        "\n  - count is 1, allowed is at most max_instances, 0: lower it, the service adds "
        "instances itself",
    ),
    "more instances at the start than at most": (
        lambda given: {"capacity": Instances(count=3)},
        "count is 3, allowed is at most max_instances, 2: lower it, the service adds instances "
        "itself",
    ),
    "a large step": (
        lambda given: {"managed": ManagedScaling(scale_in="IDLE_RELEASE", step_size=101)},
        "step_size is 101, allowed is 1 to 100: lower it",
    ),
    "a hurried scale-in": (
        lambda given: {"managed": ManagedScaling(scale_in="CONSOLIDATION", cooldown_minutes=1)},
        "cooldown_minutes is 1, allowed is 5 to 1440: raise it",
    ),
    "a route by prefixes": (
        lambda given: {
            "capacity": Instances(
                count=1,
                routing=Routing(
                    strategy="PREFIX_AWARE", prefix_length=1024, concurrency_threshold=8
                ),
            )
        },
        "routing is 'PREFIX_AWARE', allowed is one of LEAST_OUTSTANDING_REQUESTS, RANDOM: choose "
        "one",
    ),
    "a type the region has not": (
        lambda given: {"capacity": Instances(instance_type="ml.g6e.xlarge", count=1)},
        "instance_type is 'ml.g6e.xlarge', which eu-west-1 does not have for hosting; it is in "
        "ap-northeast-1, ap-northeast-2, ap-northeast-3, ap-south-1, eu-central-1, eu-south-2 and "
        "3 more; near it here are ml.g6.xlarge, ml.g6.8xlarge, ml.g6.4xlarge: choose one of these, "
        "or say types_known_here=['ml.g6e.xlarge'] if it has come since",
    ),
    "pools of types": (
        lambda given: {"capacity": Instances(count=1, fallback_types=["ml.c5.xlarge"])},
        "capacity has fallback_types or provision_timeout_seconds, which this construct does not "
        "pass on: leave them out",
    ),
    "a name with a dot": (
        lambda given: {"name": "shop.models"},
        "name is 'shop.models' (11 characters), allowed are 1 to 63 letters, digits and inner "
        "hyphens: shorten or rename it",
    ),
}

COMPONENTS: dict[str, Refused] = {
    "no copy at the start": (
        lambda given: {"copies": 0},
        "copies is 0, allowed is 1 or more: a component starts awake, to show that it can; "
        "scaling=ComponentScaling(min_copies=0) lets it sleep afterwards",
    ),
    "a floor of copies above the ceiling": (
        lambda given: {"scaling": ComponentScaling(min_copies=5)},
        "min_copies is 5, allowed is at most max_copies, 4: lower it or raise max_copies",
    ),
    "copies below zero": (
        lambda given: {"scaling": ComponentScaling(min_copies=-1)},
        "min_copies is -1, allowed is 0 or more: raise it",
    ),
    "more copies at the start than at most": (
        lambda given: {"copies": 9, "scaling": ComponentScaling()},
        "copies is 9, allowed is at most max_copies, 4: lower it or raise max_copies",
    ),
    "a target of nothing": (
        lambda given: {"scaling": ComponentScaling(target=0)},
        "target is 0, allowed is more than 0: raise it",
    ),
    "another metric": (
        lambda given: {"scaling": ComponentScaling(follows="cpu")},  # type: ignore[arg-type]
        "follows is 'cpu', allowed is one of concurrency, invocations: choose one",
    ),
    "hardly any memory": (
        lambda given: {"each": Copy(memory_mb=64)},
        "memory_mb is 64, allowed is 128 to 33554432: raise it",
    ),
    "a limit below the need": (
        lambda given: {"each": Copy(memory_mb=2048, max_memory_mb=1024)},
        "max_memory_mb is 1024, allowed is at least memory_mb, 2048: raise it or leave it out",
    ),
    "a tenth of a core": (
        lambda given: {"each": Copy(cpus=0.1)},
        "cpus is 0.1, allowed is 0.25 to 1024: raise it",
    ),
    "a GPU of a machine without one": (
        lambda given: {"each": Copy(accelerators=1)},
        "accelerators is 1 and ml.m5.xlarge has no GPU: choose a type with one, or leave "
        "accelerators out",
    ),
    "no GPU, said as a number": (
        lambda given: {"each": Copy(accelerators=0)},
        "accelerators is 0, allowed is 1 or more: leave it out for a model on the CPU",
    ),
    "a start of two hours": (
        lambda given: {"each": Copy(startup_timeout_seconds=7200)},
        "startup_timeout_seconds is 7200, allowed is 60 to 3600: lower it",
    ),
    "all copies at once": (
        lambda given: {"rollout": ComponentRollout(batch_percent=100)},
        "batch_percent is 100, allowed is 5 to 50: lower it",
    ),
    "a model that reaches the network on an endpoint that does not": (
        lambda given: {"model": given.model("Open", isolated=False)},
        "the model has isolated=False and the endpoint isolated=True, allowed is the same on both: "
        "all containers of an endpoint are isolated, or none is",
    ),
    "a row of containers": (
        lambda given: {"model": given.model("Row", serves=[given.container, given.container])},
        "the model has several containers or loads several models, which a component does not "
        "take: serve one container, and add a component for each model",
    ),
    "a VPC of the model's own": (
        lambda given: {"model": given.model("Vpced", network=given.network())},
        "the model is in a VPC of its own, but containers of an endpoint share its network: make "
        "it without",
    ),
    "a long name": (
        lambda given: {"name": "x" * 64},
        f"name is '{'x' * 64}' (64 characters), allowed are 1 to 63 letters, digits and inner "
        "hyphens: shorten or rename it",
    ),
}
REFUSED = ENDPOINTS | COMPONENTS


@pytest.mark.parametrize(("options", "message"), ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_refuses_an_endpoint_with(
    given: Any, options: Callable[[Any], dict[str, Any]], message: str
) -> None:
    expected = f"ComponentEndpoint Test/Models: {message}"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        ComponentEndpoint(
            given.stack, "Models", **{"capacity": Instances(count=1), **options(given)}
        )


@pytest.mark.parametrize(("options", "message"), COMPONENTS.values(), ids=COMPONENTS.keys())
def test_refuses_a_component_with(
    given: Any, options: Callable[[Any], dict[str, Any]], message: str
) -> None:
    endpoint = ComponentEndpoint(given.stack, "Models")
    chosen = options(given)
    if "model" not in chosen:
        chosen["model"] = given.model()
    expected = f"component churn of Test/Models: {message}"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        endpoint.add_component("churn", **chosen)


def test_refuses_more_gpus_than_an_allowed_type_has(given: Any) -> None:
    endpoint = ComponentEndpoint(
        given.stack,
        "Models",
        capacity=Instances(
            instance_type=given.parameter("Type"),
            allowed_types=["ml.g5.12xlarge", "ml.g5.xlarge"],
            count=1,
        ),
    )
    with refused(
        "accelerators is 2, allowed on ml.g5.xlarge is at most 1, the GPUs it has: lower it or "
        "choose a larger type"
    ):
        endpoint.add_component("churn", model=given.model(), each=Copy(accelerators=2))


def test_refuses_an_image_that_an_allowed_type_cannot_run(given: Any) -> None:
    endpoint = ComponentEndpoint(
        given.stack,
        "Models",
        capacity=Instances(
            instance_type=given.parameter("Type"),
            allowed_types=["ml.m5.xlarge", "ml.m6g.xlarge"],
            count=1,
        ),
    )
    with refused(
        "the image is built for x86_64, and instance_type may be ml.m6g.xlarge, which is arm64: "
        "choose an x86 type, such as ml.m5.xlarge, or an image built for arm64"
    ):
        endpoint.add_component("churn", model=given.model())


def test_refuses_a_second_component_of_the_same_id(given: Any) -> None:
    endpoint = ComponentEndpoint(given.stack, "Models")
    endpoint.add_component("churn", model=given.model())
    with refused(
        "id is 'churn', which another component of this endpoint has: rename one",
    ):
        endpoint.add_component("churn", model=given.model("Other"))


def test_refuses_a_component_that_could_be_there_without_its_endpoint(given: Any) -> None:
    active = CfnCondition(given.stack, "Active", expression=Fn.condition_equals("a", "a"))
    endpoint = ComponentEndpoint(given.stack, "Models", condition=active)
    with refused(
        "the endpoint has a condition and the model has none, so the component could be without "
        "its endpoint: make the model with a condition that includes the endpoint's"
    ):
        endpoint.add_component("churn", model=given.model())


def test_names_all_that_is_wrong_with_a_component_at_once(given: Any) -> None:
    endpoint = ComponentEndpoint(given.stack, "Models")
    with refused(
        "\n  - memory_mb is 1, allowed is 128 to 33554432: raise it"
        "\n  - copies is 0, allowed is 1 or more: a component starts awake, to show that it can; "
        "scaling=ComponentScaling(min_copies=0) lets it sleep afterwards"
    ):
        endpoint.add_component("churn", model=given.model(), copies=0, each=Copy(memory_mb=1))


def refused(message: str) -> Any:
    """The component is refused with exactly this."""
    expected = re.escape(f"component churn of Test/Models: {message}")
    return pytest.raises(ValueError, match=f"^{expected}$")
