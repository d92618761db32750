"""A fleet: every variant of one endpoint configuration, started, serving, drained, stopped."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from local_aws.runtime import hosting
from local_aws.runtime.containers import ContainerSpec
from local_aws.runtime.sampling import Sampler
from local_aws.sagemaker import containers, models, store
from local_aws.sagemaker.inference_components.pool import Pool

_STARTUP_SECONDS = 480  # contracts.md 2.2: the default start-up window of a hosted container
_SERVERLESS_STARTUP_SECONDS = 180  # contracts.md 4: /ping within 3 minutes
_DRAIN_SECONDS = 60  # contracts.md 2.2: the longest a regular invocation may take


@dataclass(kw_only=True, slots=True)
class Slot:
    """One variant of a fleet: what was asked for it and what runs."""

    config: dict[str, Any]
    image: str
    variant: hosting.Variant
    weight: float
    count: int
    desired_weight: float
    desired_count: int
    desired_serverless: dict[str, int]
    direct: bool = False  # requests name one of several containers
    mirror: "Slot | None" = None  # the shadow variant that gets copies of its requests
    sampler: Sampler = field(default_factory=Sampler)  # of what a shadow gets
    stages: list[dict[str, Any]] = field(default_factory=list)  # VariantStatus, while it changes
    busy: int = 0
    peak: int = 0  # the most that were busy at once since someone last looked

    @property
    def name(self) -> str:
        return str(self.config["VariantName"])

    @property
    def serverless(self) -> bool:
        return "ServerlessConfig" in self.config

    @property
    def containers(self) -> tuple[ContainerSpec, ...]:
        """What the variant runs on each instance; nothing where components live."""
        return () if self.pool else self.variant.spec.containers

    @property
    def role_arn(self) -> str:
        """The execution role of the variant's model."""
        return self.pool.role_arn if self.pool else self.variant.spec.container.role_arn

    @property
    def pool(self) -> Pool | None:
        """The instances of a variant without a model, which takes no requests itself."""
        return self.variant if isinstance(self.variant, Pool) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What an update keeps of a variant, or a scaling gives it: None means as configured."""

    count: int | None = None
    weight: float | None = None
    serverless: Mapping[str, int] = field(default_factory=dict)


class Fleet:
    """The variants of one endpoint configuration. Starts nothing until `start`."""

    def __init__(
        self, endpoint_name: str, config: Mapping[str, Any], kept: Mapping[str, Kept] | None = None
    ) -> None:
        self.config_name: str = config["EndpointConfigName"]
        kept = kept or {}

        def made(variants: str) -> dict[str, Slot]:
            return {
                variant["VariantName"]: _slot(
                    endpoint_name, config, variant, kept.get(variant["VariantName"], Kept())
                )
                for variant in config.get(variants, [])
            }

        self.slots = made("ProductionVariants")
        self.shadows = made("ShadowProductionVariants")
        for slot, shadow in zip(self.slots.values(), self.shadows.values(), strict=False):
            slot.mirror = shadow  # there is one of each (API, ShadowProductionVariants)

    @property
    def all_slots(self) -> dict[str, Slot]:
        """Production and shadow variants by name."""
        return {**self.slots, **self.shadows}

    def start(self, stop: threading.Event) -> None:
        """Return when every variant answers `/ping`; raises RuntimeFailure when one does not.

        A variant kept at zero instances starts one all the same, to prove that it can.
        """
        try:
            for slot in self.all_slots.values():
                slot.variant.start(stop)
                if slot.count != _started(slot.count):
                    slot.variant.scale(slot.count)
        except BaseException:
            self.stop()
            raise

    def drain(self) -> None:
        """Return when no invocation is in flight, or when the longest one allowed is over."""
        deadline = store.now() + _DRAIN_SECONDS
        store.wait_until(
            lambda: not any(slot.busy for slot in self.all_slots.values()),
            stopped=lambda: store.now() > deadline,
        )

    def stop(self) -> None:
        for slot in self.all_slots.values():
            slot.variant.stop()

    @property
    def role_arn(self) -> str:
        """The execution role; variants of one endpoint share it in all but name."""
        return next(iter(self.slots.values())).role_arn


def _slot(
    endpoint_name: str, config: Mapping[str, Any], variant: Mapping[str, Any], kept: Kept
) -> Slot:
    if "ModelName" not in variant:
        return _pool_slot(config, variant, kept)
    model = models.require(variant["ModelName"])
    found = models.all_containers(model)
    first, *others = (containers.spec(model, one) for one in found)
    serverless = variant.get("ServerlessConfig")
    count = 1 if serverless else variant["InitialInstanceCount"]
    count = count if kept.count is None or serverless else kept.count
    weight = variant["InitialVariantWeight"] if kept.weight is None else kept.weight
    default = _SERVERLESS_STARTUP_SECONDS if serverless else _STARTUP_SECONDS
    kind = "serverless" if serverless else "async" if "AsyncInferenceConfig" in config else None
    spec = hosting.VariantSpec(
        endpoint_name=endpoint_name,
        variant_name=variant["VariantName"],
        container=first,
        others=tuple(others),
        kind=kind or "instance",
        instance_type=variant.get("InstanceType"),
        count=_started(count),
        memory_mb=serverless["MemorySizeInMB"] if serverless else None,
        max_concurrency=serverless["MaxConcurrency"] if serverless else None,
        provisioned_concurrency=serverless.get("ProvisionedConcurrency") if serverless else None,
        startup_timeout_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", default),
        download_timeout_seconds=variant.get("ModelDataDownloadTimeoutInSeconds"),
        volume_gb=variant.get("VolumeSizeInGB"),
        routing=variant.get("RoutingConfig", {}).get("RoutingStrategy"),
    )
    return Slot(
        config=dict(variant),
        image=first.image,
        direct=models.direct(model),
        variant=hosting.Variant(spec),
        weight=weight,
        count=count,
        desired_weight=weight,
        desired_count=count,
        desired_serverless=dict(variant.get("ServerlessConfig", {})),
    )


def _pool_slot(config: Mapping[str, Any], variant: Mapping[str, Any], kept: Kept) -> Slot:
    """The slot of a variant that inference components will live on."""
    count = variant["InitialInstanceCount"] if kept.count is None else kept.count
    weight = variant["InitialVariantWeight"] if kept.weight is None else kept.weight
    pool = Pool(variant, count, config["ExecutionRoleArn"])
    slot = Slot(
        config=dict(variant),
        image="",
        variant=cast("hosting.Variant", pool),  # it starts, scales and stops like one
        weight=weight,
        count=count,
        desired_weight=weight,
        desired_count=count,
        desired_serverless={},
    )
    pool.counted = partial(_count, slot)
    return slot


def _count(slot: Slot, count: int) -> None:
    slot.count = slot.desired_count = count


def _started(count: int) -> int:
    return max(count, 1)
