"""What is refused of a serverless endpoint, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.endpoints import (
    Capture,
    Instances,
    Metrics,
    Operations,
    Rollout,
    Scaling,
    Serverless,
    ServerlessEndpoint,
)

Refused = tuple[Callable[[Any], Any], str]

REFUSED: dict[str, Refused] = {
    "a GPU": (
        lambda given: {
            "model": given.model(isolated=False),
            "capacity": Instances(instance_type="ml.g5.xlarge"),
        },
        "capacity is Instances(instance_type='ml.g5.xlarge'), allowed is "
        "Serverless(memory_mb=, max_concurrency=): a serverless endpoint has no instances "
        "and no GPU; use RealtimeEndpoint for those",
    ),
    "memory between the steps": (
        lambda given: {
            "model": given.model(isolated=False),
            "capacity": Serverless(memory_mb=1500),
        },
        "memory_mb is 1500, allowed is one of 1024, 2048, 3072, 4096, 5120, 6144: choose one",
    ),
    "more concurrency than there is": (
        lambda given: {
            "model": given.model(isolated=False),
            "capacity": Serverless(max_concurrency=201),
        },
        "max_concurrency is 201, allowed is 1 to 200: lower it",
    ),
    "no concurrency": (
        lambda given: {
            "model": given.model(isolated=False),
            "capacity": Serverless(max_concurrency=0),
        },
        "max_concurrency is 0, allowed is 1 to 200: raise it",
    ),
    "provisioned above the most": (
        lambda given: {
            "model": given.model(isolated=False),
            "capacity": Serverless(max_concurrency=5, provisioned_concurrency=6),
        },
        "provisioned_concurrency is 6, allowed is at most max_concurrency, 5: lower it or "
        "raise max_concurrency",
    ),
    "provisioned nothing": (
        lambda given: {
            "model": given.model(isolated=False),
            "capacity": Serverless(provisioned_concurrency=0),
        },
        "provisioned_concurrency is 0, allowed is 1 to 200: raise it",
    ),
    "an isolated model": (
        lambda given: {"model": given.model()},
        "the model is isolated from the network, which serverless does not support: make "
        "the model with isolated=False",
    ),
    "a model in a VPC": (
        lambda given: {"model": given.model(isolated=False, network=given.network())},
        "the model is in a VPC, which serverless does not support: make it without",
    ),
    "unpacked artifacts": (
        lambda given: {"model": given.model_of(data=given.prefix)},
        "the model's artifacts are a prefix, which serverless does not support: pack them "
        "and use ModelData.from_bucket",
    ),
    "several containers": (
        lambda given: {
            "model": given.model(serves=[given.container, given.container], isolated=False)
        },
        "the model has several containers or loads several models, which serverless does "
        "not support: serve one container, or use RealtimeEndpoint",
    ),
    "a GPU image": (
        lambda given: {"model": given.model_of(image=given.gpu_image)},
        "the image is built for a GPU, which serverless does not have: use a CPU image, or "
        "RealtimeEndpoint on a GPU type",
    ),
    "capture": (
        lambda given: {
            "model": given.model(isolated=False),
            "capture": Capture(bucket=given.bucket, prefix="c"),
        },
        "capture is set, which serverless does not support: leave it out, or use RealtimeEndpoint",
    ),
    "a canary": (
        lambda given: {"model": given.model(isolated=False), "rollout": Rollout(strategy="canary")},
        "rollout strategy is 'canary', allowed is one of all_at_once: a serverless "
        "endpoint has no capacity to split",
    ),
    "steps": (
        lambda given: {"model": given.model(isolated=False), "rollout": Rollout(step_percent=10)},
        "rollout step_percent means nothing for all_at_once: leave it out",
    ),
    "scaling of nothing provisioned": (
        lambda given: {"model": given.model(isolated=False), "scaling": Scaling()},
        "scaling follows provisioned concurrency and none is configured: set "
        "provisioned_concurrency, or leave scaling out: serverless scales by itself",
    ),
    "scaling above the most": (
        lambda given: {
            "model": given.model(isolated=False),
            "capacity": Serverless(provisioned_concurrency=1),
            "scaling": Scaling(max_capacity=9),
        },
        "scaling max_capacity is 9, allowed is at most max_concurrency, 5: lower it or "
        "raise max_concurrency",
    ),
    "a target in percent": (
        lambda given: {
            "model": given.model(isolated=False),
            "capacity": Serverless(provisioned_concurrency=1),
            "scaling": Scaling(target=70),
        },
        "scaling target is 70, allowed is a share above 0 and up to 1: write 0.7 for 70 %",
    ),
    "metrics of instances": (
        lambda given: {
            "model": given.model(isolated=False),
            "operations": Operations(metrics=Metrics()),
        },
        "operations metrics is given, and a serverless endpoint has no instances that "
        "report: leave it out",
    ),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_what_to_change(
    given: Any, options: Callable[[Any], dict[str, Any]], says: str
) -> None:
    asked = options(given)
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        ServerlessEndpoint(given.stack, "Churn", **asked)
    assert str(refused.value) == f"ServerlessEndpoint Test/Churn: {says}"
