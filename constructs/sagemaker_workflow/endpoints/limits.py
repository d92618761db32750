"""The service's numbers for endpoints, and what breaks them: constants and pure functions.

Sources: contracts 2.2 (time limits), 3.3 (endpoint configs), 3.6 (guardrails), 4 (serverless), 5.1
(asynchronous); instance types from botocore's service model, their
regions from cfn-lint (`python -m ops.images refresh` puts both into the lock).
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from pathlib import Path
from typing import Literal

Use = Literal["hosting", "transform", "training", "processing"]

ENDPOINT_NAME_PATTERN = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
VARIANT = "primary"  # guardrails require the same variant name before and after an update

VARIANTS = (1, 10)
ROUTING_STRATEGIES = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM", "PREFIX_AWARE", "KV_AWARE")
PREFIX_LENGTH = (1024, 65536)
PREFIX_CONCURRENCY = (1, 1024)
METRIC_SECONDS = (10, 30, 60, 120, 180, 240, 300)

SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
SERVERLESS_CONCURRENCY = (1, 200)
INSTANCE_COUNT = (1, 1000)
INSTANCE_POOLS = 5  # botocore, InstancePoolList
PROVISION_TIMEOUT_SECONDS = (300, 3600)
VOLUME_GB = (1, 512)
STARTUP_TIMEOUT_SECONDS = (60, 3600)
DOWNLOAD_TIMEOUT_SECONDS = (60, 3600)
AMI_VERSIONS = (
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2-ami-sagemaker-inference-neuron-2",
    "al2023-ami-sagemaker-inference-gpu-4-1",
)
ROLLBACK_ALARMS = 10
ROLLOUT_STRATEGIES = ("canary", "linear", "all_at_once", "rolling")
WAIT_SECONDS = (0, 3600)
ROLLOUT_TIMEOUT_SECONDS = (600, 28800)
ROLLOUT_WORK_SECONDS = 3600  # for machines to start and containers to load, besides the waits
CANARY_PERCENT = (1, 50)
LINEAR_PERCENT = (10, 50)
ROLLING_PERCENT = (5, 50)
SAMPLING_PERCENT = (1, 100)
CAPTURE_MODES = ("Input", "Output")
ASYNC_CONCURRENCY = (1, 1000)

_LOCK = Path(__file__).parents[1] / "instance_types.lock.json"
# `ml.g5.xlarge` -> g5. A final d, dn or de means local NVMe storage; these families have it too.
_FAMILY = re.compile(r"ml\.(?P<family>[a-z0-9-]+)\.[a-z0-9]+")
_NVME = re.compile(r"(?:[a-z]+\d+[a-z]*d[a-z]*|p4de?|p5e?n?|p6e?-\w+|g5|g6e?|g7e?|trn\d\w*|dl1)")
_GPU = re.compile(r"(?:g|p)\d.*")
_ARM = re.compile(r"[a-z]\d+g[a-z]*")


@functools.cache
def instance_types(use: Use = "hosting") -> frozenset[str]:
    """Every instance type SageMaker has for this use."""
    lock = json.loads(_LOCK.read_text(encoding="utf-8"))
    return frozenset(lock["types"][use])


def instance_type_fault(instance_type: str, use: Use = "hosting") -> str | None:
    """What is wrong with it, with the nearest types there are; None when it can be used."""
    types = instance_types(use)
    if instance_type in types:
        return None
    near = difflib.get_close_matches(instance_type, sorted(types), n=3, cutoff=0.6)
    return (
        f"instance_type is {instance_type!r}, which SageMaker does not have for {use}"
        f"{', near it are ' + ', '.join(near) if near else ''}: write one like 'ml.m5.xlarge'"
    )


@functools.cache
def regions_of(instance_type: str, use: Use = "hosting") -> frozenset[str] | None:
    """The regions whose price list has it for this use; None when nothing is known of it.

    The lists are cfn-lint's, taken from AWS's prices: for hosting, transform and processing, not
    for training. A type or a region that no list names is not known, which is no reason to refuse.
    """
    listed = _regions(use).get(instance_type)
    return frozenset(listed.split()) if listed else None


@functools.cache
def listed_regions(use: Use = "hosting") -> frozenset[str]:
    """Every region with a list for this use."""
    return frozenset(region for listed in _regions(use).values() for region in listed.split())


def region_fault(instance_type: str, region: str, use: Use = "hosting") -> str | None:
    """Why the type cannot be had in the region; None when it can, or when nobody knows."""
    where = regions_of(instance_type, use)
    if where is None or region in where or region not in listed_regions(use):
        return None
    here = sorted(one for one in _regions(use) if region in _regions(use)[one].split())
    near = difflib.get_close_matches(instance_type, here, n=3, cutoff=0.6)
    listed = sorted(where)
    shown = ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")
    return (
        f"instance_type is {instance_type!r}, which {region} does not have for {use}; it is in "
        f"{shown}{'; near it here are ' + ', '.join(near) if near else ''}: choose one of these, "
        f"or say types_known_here=[{instance_type!r}] if it has come since"
    )


@functools.cache
def _regions(use: Use) -> dict[str, str]:
    return dict(json.loads(_LOCK.read_text(encoding="utf-8"))["regions"].get(use, {}))


def has_nvme(instance_type: str) -> bool:
    """Local storage that a KMS key of yours does not encrypt: jobs refuse a volume key there."""
    return bool(_NVME.fullmatch(_family(instance_type)))


def has_gpu(instance_type: str) -> bool:
    return bool(_GPU.fullmatch(_family(instance_type)))


def is_arm(instance_type: str) -> bool:
    """A Graviton processor: an image built for x86-64 ends there in `exec format error`."""
    return bool(_ARM.fullmatch(_family(instance_type))) and not has_gpu(instance_type)


def has_neuron(instance_type: str) -> bool:
    """AWS's own accelerators: Inferentia and Trainium."""
    return _family(instance_type).startswith(("inf", "trn"))


def ami_fits(ami_version: str, instance_type: str) -> bool:
    """Whether the image of the machine is made for this type (API reference, ProductionVariant)."""
    return has_neuron(instance_type) if "neuron" in ami_version else has_gpu(instance_type)


def variant_name_fault(name: str) -> str | None:
    """What is wrong with a variant's name; None when nothing is."""
    if len(name) <= 63 and re.fullmatch(ENDPOINT_NAME_PATTERN, name):
        return None
    return (
        f"variant name is {name!r} ({len(name)} characters), allowed are 1 to 63 letters, digits "
        "and inner hyphens: shorten or rename it"
    )


def rollout_waits(
    strategy: str, step_percent: int | None, wait_seconds: int, termination_wait_seconds: int
) -> int:
    """How many seconds an update spends waiting: after each step, and before the old fleet goes.

    The service wants a time limit above this: SageMaker API Reference, BlueGreenUpdatePolicy.
    """
    each = -(-100 // (step_percent or 50))
    steps = {"canary": 2, "linear": each, "rolling": each}.get(strategy, 1)
    return steps * wait_seconds + (0 if strategy == "rolling" else termination_wait_seconds)


def name_fault(name: str) -> str | None:
    """What is wrong with an endpoint's name; None when nothing is."""
    if len(name) <= 63 and re.fullmatch(ENDPOINT_NAME_PATTERN, name):
        return None
    return (
        f"name is {name!r} ({len(name)} characters), allowed are 1 to 63 letters, digits and "
        "inner hyphens: shorten or rename it"
    )


def _family(instance_type: str) -> str:
    found = _FAMILY.fullmatch(instance_type)
    return found["family"] if found else ""
