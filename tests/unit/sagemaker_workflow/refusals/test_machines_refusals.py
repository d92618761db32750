"""What is refused of the machines of a real-time endpoint, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.endpoints import (
    Instances,
    RealtimeEndpoint,
    Routing,
    Serverless,
)

Refused = tuple[Callable[[Any], Any], str]

REFUSED: dict[str, Refused] = {
    "a type that is none": (
        lambda given: {"model": given.model(), "capacity": Instances(instance_type="ml.m5.xlrge")},
        "instance_type is 'ml.m5.xlrge', which SageMaker does not have for hosting, near "
        "it are ml.m5.xlarge, ml.m5d.xlarge, ml.m5.4xlarge: write one like 'ml.m5.xlarge'",
    ),
    "a type the region has not": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(instance_type="ml.g6e.xlarge"),
        },
        "instance_type is 'ml.g6e.xlarge', which eu-west-1 does not have for hosting; it "
        "is in ap-northeast-1, ap-northeast-2, ap-northeast-3, ap-south-1, eu-central-1, "
        "eu-south-2 and 3 more; near it here are ml.g6.xlarge, ml.g6.8xlarge, "
        "ml.g6.4xlarge: choose one of these, or say types_known_here=['ml.g6e.xlarge'] if "
        "it has come since",
    ),
    "a type that is a parameter of anything": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(instance_type=given.parameter("InstanceType")),
        },
        "instance_type is a parameter and allowed_types is empty: list what the parameter "
        "may become, so that each is checked",
    ),
    "a type that is not among those allowed": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(instance_type="ml.m5.large", allowed_types=["ml.m5.xlarge"]),
        },
        "instance_type is 'ml.m5.large', allowed_types is ml.m5.xlarge: add it there or "
        "choose one of these",
    ),
    "no instance": (
        lambda given: {"model": given.model(), "capacity": Instances(count=0)},
        "count is 0, allowed is 1 to 1000: raise it",
    ),
    "a thousand and one instances": (
        lambda given: {"model": given.model(), "capacity": Instances(count=1001)},
        "count is 1001, allowed is 1 to 1000: lower it",
    ),
    "a volume beside local storage": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(instance_type="ml.g5.xlarge", volume_gb=100),
        },
        "volume_gb is 100, and ml.g5.xlarge has local storage of its own size: leave "
        "volume_gb out, or choose a type without local storage",
    ),
    "a volume too large": (
        lambda given: {"model": given.model(), "capacity": Instances(volume_gb=513)},
        "volume_gb is 513, allowed is 1 to 512: lower it",
    ),
    "an AMI that is none": (
        lambda given: {"model": given.model(), "capacity": Instances(ami_version="al3")},
        "ami_version is 'al3', allowed is one of al2-ami-sagemaker-inference-gpu-2, "
        "al2-ami-sagemaker-inference-gpu-2-1, al2-ami-sagemaker-inference-gpu-3-1, "
        "al2-ami-sagemaker-inference-neuron-2, al2023-ami-sagemaker-inference-gpu-4-1: "
        "choose one",
    ),
    "an AMI for GPUs without one": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(ami_version="al2-ami-sagemaker-inference-gpu-3-1"),
        },
        "ami_version is 'al2-ami-sagemaker-inference-gpu-3-1', which is made for NVIDIA "
        "GPUs, and instance_type may be ml.m5.xlarge: leave ami_version out or choose "
        "another type",
    ),
    "an AMI for Inferentia on a GPU": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(
                instance_type="ml.g5.xlarge", ami_version="al2-ami-sagemaker-inference-neuron-2"
            ),
        },
        "ami_version is 'al2-ami-sagemaker-inference-neuron-2', which is made for "
        "Inferentia and Trainium, and instance_type may be ml.g5.xlarge: leave ami_version "
        "out or choose another type",
    ),
    "a start of half a minute": (
        lambda given: {"model": given.model(), "capacity": Instances(startup_timeout_seconds=30)},
        "startup_timeout_seconds is 30, allowed is 60 to 3600: raise it",
    ),
    "a download of two hours": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(download_timeout_seconds=7200),
        },
        "download_timeout_seconds is 7200, allowed is 60 to 3600: lower it",
    ),
    "serverless capacity": (
        lambda given: {"model": given.model(), "capacity": Serverless()},
        "capacity is Serverless, allowed is Instances(...): use ServerlessEndpoint for an "
        "endpoint without instances",
    ),
    "a GPU image without a GPU": (
        lambda given: {
            "model": given.model_of(image=given.gpu_image),
            "capacity": Instances(instance_type="ml.m5.xlarge"),
        },
        "the image is built for a GPU, and instance_type may be ml.m5.xlarge, which has "
        "none: choose GPU types, such as ml.g5.xlarge, or a CPU image",
    ),
    "an x86 image on Graviton": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(instance_type="ml.c7g.xlarge"),
        },
        "the image is built for x86_64, and instance_type may be ml.c7g.xlarge, which is "
        "arm64: choose an x86 type, such as ml.m5.xlarge, or an image built for arm64",
    ),
    "six pools": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(
                instance_type="ml.m5.large",
                fallback_types=[f"ml.m5.{size}xlarge" for size in ("", "2", "4", "12", "24")],
            ),
        },
        "fallback_types are 5, allowed are up to 4: a variant has 5 pools, the first of which is "
        "instance_type's; leave some out",
    ),
    "a pool twice": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(fallback_types=["ml.m5.large", "ml.m5.large"]),
        },
        "fallback_types names ml.m5.large twice: leave one out",
    ),
    "a pool of the type itself": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(
                instance_type=given.parameter("InstanceType"),
                allowed_types=["ml.m5.large", "ml.m5.xlarge"],
                fallback_types=["ml.c5.xlarge", "ml.m5.xlarge"],
            ),
        },
        "fallback_types has ml.m5.xlarge, which instance_type is or may become: leave it out there",
    ),
    "a volume in a pool with local storage": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(volume_gb=50, fallback_types=["ml.m5d.xlarge"]),
        },
        "volume_gb is 50, and the pools share it: ml.m5d.xlarge of fallback_types has local "
        "storage of its own size; leave one of them out",
    ),
    "an AMI in a pool it is not made for": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(
                instance_type="ml.g4dn.xlarge",
                ami_version="al2-ami-sagemaker-inference-gpu-2",
                fallback_types=["ml.m5.xlarge"],
            ),
        },
        "ami_version is 'al2-ami-sagemaker-inference-gpu-2', and the pools share it: it is not "
        "made for ml.m5.xlarge of fallback_types; leave one of them out",
    ),
    "a pool on another processor": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(fallback_types=["ml.c7g.xlarge"]),
        },
        "the image is built for x86_64, and instance_type may be ml.c7g.xlarge, which is "
        "arm64: choose an x86 type, such as ml.m5.xlarge, or an image built for arm64",
    ),
    "capacity looked for all day": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(provision_timeout_seconds=7200),
        },
        "provision_timeout_seconds is 7200, allowed is 300 to 3600: lower it",
    ),
    "a routing strategy that is none": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(routing=Routing(strategy="ROUND_ROBIN")),
        },
        "routing strategy is 'ROUND_ROBIN', allowed is one of LEAST_OUTSTANDING_REQUESTS, "
        "RANDOM, PREFIX_AWARE, KV_AWARE: choose one",
    ),
    "prefixes of no length": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(
                routing=Routing(strategy="PREFIX_AWARE", concurrency_threshold=8)
            ),
        },
        "routing prefix_length is missing, PREFIX_AWARE requires it: set it to 1024 to 65536",
    ),
    "prefixes without a threshold": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(routing=Routing(strategy="PREFIX_AWARE", prefix_length=4096)),
        },
        "routing concurrency_threshold is missing, PREFIX_AWARE requires it: set it to 1 to 1024",
    ),
    "prefixes too short": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(
                routing=Routing(strategy="PREFIX_AWARE", prefix_length=10, concurrency_threshold=8)
            ),
        },
        "routing prefix_length is 10, allowed is 1024 to 65536: raise it",
    ),
    "a prefix length without prefixes": (
        lambda given: {
            "model": given.model(),
            "capacity": Instances(routing=Routing(prefix_length=4096)),
        },
        "routing prefix_length is 4096, which means nothing for "
        "LEAST_OUTSTANDING_REQUESTS: leave it out, or use PREFIX_AWARE",
    ),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_what_to_change(
    given: Any, options: Callable[[Any], dict[str, Any]], says: str
) -> None:
    asked = options(given)
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        RealtimeEndpoint(given.stack, "Churn", **asked)
    assert str(refused.value) == f"RealtimeEndpoint Test/Churn: {says}"
