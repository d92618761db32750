"""Whatever the settings say, the person gets stacks or sentences, never a stack trace."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Environment
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sagemaker_workflow.faults import RefusedError
from stacks.endpoint import EndpointStack
from stacks.errors import UserError
from stacks.images import Images
from stacks.names import Names
from stacks.settings import Settings
from stacks.settings.errors import describe

BASE: dict[str, Any] = {
    "project": "shop",
    "environment": "test",
    "dataset": {
        "name": "orders",
        "problem": "binary",
        "target": "late",
        "columns": {"amount": "number", "late": "boolean"},
    },
    "training": {"instance_type": "ml.m5.xlarge"},
}
TYPES = ["ml.m5.xlarge", "ml.m5.large", "ml.g5.xlarge", "ml.g6e.xlarge", "ml.c7g.xlarge"]
# At the edges and far outside, and of the wrong type.
ODD: list[Any] = [0, -1, 10**9, 1.5, True, "3", None]
words = st.sampled_from(["", "x", "ml.m5.xlarge", "canary", "PREFIX_AWARE", "text/csv", "ü" * 70])


def mostly(*right: Any) -> st.SearchStrategy[Any]:
    """One of these, now and then something odd."""
    return st.integers(0, 19).flatmap(
        lambda chance: st.sampled_from(ODD if chance == 0 else list(right))
    )


def block(kind: str, **keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A block of this kind with any of the keys, and now and then one it does not know."""
    required = {"kind": st.just(kind)}
    if "instance_type" in keys:
        required["instance_type"] = keys.pop("instance_type")
    whole = st.fixed_dictionaries(required, optional=keys)
    strange = st.fixed_dictionaries(required, optional={**keys, "colour": words})
    return st.one_of(whole, whole, whole, strange).filter(lambda made: len(made) < 8)


rollouts = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.sampled_from(["canary", "linear", "rolling", "all_at_once", "blue"]),
        "step_percent": mostly(10, 50, 60),
        "wait_seconds": mostly(0, 60, 3600),
        "max_latency_ms": mostly(1, 5000),
    },
)
on_instances: dict[str, st.SearchStrategy[Any]] = {
    "instance_type": st.sampled_from(TYPES),
    "allowed_instance_types": st.lists(st.sampled_from(TYPES), max_size=3),
    "min_capacity": mostly(1, 2),
    "max_capacity": mostly(2, 4, 20),
    "initial_instance_count": mostly(1, 2),
    "capacity_limit": mostly(4, 20),
    "rollout": rollouts,
}
realtime = block(
    "realtime",
    **on_instances,
    volume_gb=mostly(1, 512),
    ami_version=st.sampled_from(["al2-ami-sagemaker-inference-gpu-3-1", "none", ""]),
    startup_timeout_seconds=mostly(60, 600, 3600),
    routing=st.fixed_dictionaries(
        {},
        optional={
            "strategy": st.sampled_from(["RANDOM", "PREFIX_AWARE", "KV_AWARE", "BEST"]),
            "prefix_length": mostly(1024, 4096),
            "concurrency_threshold": mostly(1, 8),
        },
    ),
    capture=st.fixed_dictionaries(
        {},
        optional={
            "sampling_percent": mostly(1, 7, 100),
            "csv_content_types": st.lists(words, max_size=2),
        },
    ),
    challenger=st.fixed_dictionaries(
        {},
        optional={
            "weight": mostly(1, 7, 50),
            "shadow": st.booleans(),
            "instance_count": mostly(1, 2),
        },
    ),
    metrics=st.fixed_dictionaries({}, optional={"every_seconds": mostly(10, 60, 300)}),
)
serverless = block(
    "serverless",
    memory_mb=mostly(1024, 2048, 6144),
    max_concurrency=mostly(1, 5, 200),
    provisioned_concurrency=mostly(1, 2),
    rollout=rollouts,
)
asynchronous = block("async", **on_instances, backlog_per_instance=mostly(1, 5))
odd_blocks = st.one_of(st.just({}), words)
endpoints = st.one_of(realtime, realtime, realtime, serverless, asynchronous, odd_blocks)
regions = st.sampled_from(["us-east-1"] * 4 + ["eu-west-1", "xx-nowhere-1", "Ireland"])


def outcome(asked: object, region: str, *, build_one_in: int = 1) -> str:
    """`made`, or what the person is told; of good settings one in so many becomes a stack."""
    data = {**BASE, "region": region, "endpoints": {"live": asked}}
    try:
        found = Settings.model_validate(data, context={"region": region})
        if len(repr(asked)) % build_one_in:
            return "made"
        EndpointStack(
            App(analytics_reporting=False),
            "shop-test-endpoint-live",
            name="live",
            settings=found,
            names=Names(project="shop", environment="test"),
            images=Images(tags={"inference_server": "1"}),
            env=Environment(region=found.region),
        )
    except ValidationError as error:
        return "\n".join(describe(error.errors(include_url=False)))
    except (UserError, RefusedError) as error:
        return str(error)
    return "made"


def check(asked: object, region: str, *, build_one_in: int = 1) -> None:
    said = outcome(asked, region, build_one_in=build_one_in)
    assert said
    assert "Traceback" not in said
    assert all(": " in line or line == "made" for line in said.splitlines() if line.strip())


COMMON: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "phases": (Phase.generate,),
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=200, **COMMON)
@given(endpoints, regions)
def test_any_endpoint_is_made_or_refused_in_words(asked: object, region: str) -> None:
    check(asked, region, build_one_in=4)


@pytest.mark.abuse
@settings(max_examples=1000, **{**COMMON, "derandomize": False})
@given(endpoints, regions)
def test_any_of_a_thousand_endpoints_is_made_or_refused_in_words(
    asked: object, region: str
) -> None:
    check(asked, region)
