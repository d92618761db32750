"""`[endpoints.<name>]` with `kind = "realtime"`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import (
    DOWNLOAD_TIMEOUT_SECONDS,
    METRIC_SECONDS,
    PREFIX_CONCURRENCY,
    PREFIX_LENGTH,
    PROVISION_TIMEOUT_SECONDS,
    STARTUP_TIMEOUT_SECONDS,
    ami_fits,
    has_nvme,
)
from stacks.settings.base import Block, InstanceType, any_of, refuse
from stacks.settings.endpoints.hosted import Hosted
from stacks.settings.endpoints.scaled import Count, Rollout, Scaled
from stacks.settings.endpoints.served import check_type

StartupSeconds = Annotated[int, Field(ge=STARTUP_TIMEOUT_SECONDS[0], le=STARTUP_TIMEOUT_SECONDS[1])]
DownloadSeconds = Annotated[
    int, Field(ge=DOWNLOAD_TIMEOUT_SECONDS[0], le=DOWNLOAD_TIMEOUT_SECONDS[1])
]
ProvisionSeconds = Annotated[
    int, Field(ge=PROVISION_TIMEOUT_SECONDS[0], le=PROVISION_TIMEOUT_SECONDS[1])
]
PrefixLength = Annotated[int, Field(ge=PREFIX_LENGTH[0], le=PREFIX_LENGTH[1])]
Mode = Literal["Input", "Output"]
ContentType = Annotated[
    str,
    Field(
        pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*/[a-zA-Z0-9](-*[a-zA-Z0-9.])*$",
        description="a content type like text/csv, without parameters",
    ),
]
Threshold = Annotated[int, Field(ge=PREFIX_CONCURRENCY[0], le=PREFIX_CONCURRENCY[1])]


class Challenger(Block):
    """A second model beside the first: `weight` percent of the requests, or copies of them."""

    weight: Annotated[int, Field(ge=0, le=99)] = 10  # percent; of copies when it is a shadow
    shadow: bool = Field(default=False, validate_default=True)
    instance_count: Count = 1

    @field_validator("shadow")
    @classmethod
    def _a_shadow_gets_copies(cls, shadow: bool, info: ValidationInfo) -> bool:
        if shadow and info.data.get("weight") == 0:
            raise refuse(
                "a shadow without copies says nothing: raise it, or remove the challenger",
                key="^weight",
                value=0,
            )
        return shadow


class Capture(Block):
    """Requests and replies that are kept in the artifacts bucket, under `capture/<endpoint>/`."""

    sampling_percent: Annotated[int, Field(ge=0, le=100)] = 100  # 0 keeps nothing for now
    modes: list[Mode] = Field(default=["Input", "Output"], min_length=1, max_length=2)
    csv_content_types: list[ContentType] = Field(default=["text/csv"], max_length=10)
    json_content_types: list[ContentType] = Field(
        default=["application/json", "application/jsonlines"], max_length=10
    )

    @field_validator("json_content_types")
    @classmethod
    def _one_form_each(cls, types: list[str], info: ValidationInfo) -> list[str]:
        if both := sorted(set(types) & set(info.data.get("csv_content_types", []))):
            raise refuse(f"{', '.join(both)} is among csv_content_types too: remove it from one")
        return types


class Routing(Block):
    """Which instance gets a request; PREFIX_AWARE needs both of its numbers."""

    strategy: Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM", "PREFIX_AWARE", "KV_AWARE"] = (
        "LEAST_OUTSTANDING_REQUESTS"
    )
    prefix_length: PrefixLength | None = Field(default=None, validate_default=True)
    concurrency_threshold: Threshold | None = Field(default=None, validate_default=True)

    @field_validator("prefix_length", "concurrency_threshold")
    @classmethod
    def _for_prefixes_only(cls, value: int | None, info: ValidationInfo) -> int | None:
        strategy = info.data.get("strategy")
        if strategy == "PREFIX_AWARE" and value is None:
            low, high = PREFIX_LENGTH if info.field_name == "prefix_length" else PREFIX_CONCURRENCY
            raise refuse(f'strategy = "PREFIX_AWARE" requires it: set it to {low} to {high}')
        if strategy not in (None, "PREFIX_AWARE") and value is not None:
            raise refuse(f'means nothing for "{strategy}": remove it, or use "PREFIX_AWARE"')
        return value


class Metrics(Block):
    """How often the instances report, and in how much detail."""

    every_seconds: int = 60
    enhanced: bool = False
    detailed: bool = False

    @field_validator("every_seconds")
    @classmethod
    def _a_frequency_the_service_has(cls, seconds: int) -> int:
        if seconds not in METRIC_SECONDS:
            raise refuse(f"must be {any_of([str(one) for one in METRIC_SECONDS])}")
        return seconds


class Realtime(Scaled, Hosted):
    """Answers within a second, on instances that are always there."""

    kind: Literal["realtime"]
    invocations_per_instance: Annotated[int, Field(ge=1)] = 1000  # a minute; the scaling target
    # Taken in this order where instance_type has no capacity (SageMaker's instance pools).
    fallback_instance_types: list[InstanceType] = Field(default_factory=list, max_length=4)
    provision_timeout_seconds: ProvisionSeconds | None = None
    startup_timeout_seconds: StartupSeconds | None = None
    download_timeout_seconds: DownloadSeconds | None = None
    routing: Routing = Routing()
    capture: Capture | None = None
    metrics: Metrics | None = None
    challenger: Challenger | None = None

    @field_validator("min_capacity")
    @classmethod
    def _never_sleeps(cls, minimum: int) -> int:
        if minimum < 1:
            raise refuse('must be at least 1; only kind = "async" goes down to 0')
        return minimum

    @field_validator("fallback_instance_types")
    @classmethod
    def _fallbacks_can_serve_too(cls, fallback: list[str], info: ValidationInfo) -> list[str]:
        own, given = info.data.get("allowed_instance_types", []), info.data
        ami = given.get("ami_version")
        for position, one in enumerate(fallback):
            check_type(one, cls.USE, info, key=str(position))
            why = ""
            if one in own or one in fallback[:position]:
                why = "is named already, here or in allowed_instance_types: remove one"
            elif given.get("volume_gb") is not None and has_nvme(one):
                why = "has local storage, and all pools share volume_gb: remove one of both"
            elif ami is not None and not ami_fits(ami, one):
                why = "is none that ami_version is made for, and all pools share it: remove one"
            if why:
                raise refuse(why, key=str(position), value=one)
        return fallback

    @field_validator("challenger")
    @classmethod
    def _the_challenger_can_be_updated(
        cls, challenger: Challenger | None, info: ValidationInfo
    ) -> Challenger | None:
        rollout = info.data.get("rollout")
        if challenger is None or not isinstance(rollout, Rollout):
            return challenger
        if rollout.strategy == "rolling" and not challenger.shadow:
            raise refuse(
                "the service does not roll over several variants: use"
                ' rollout.strategy = "canary", "linear" or "all_at_once"',
                key="^rollout.strategy",
                value="rolling",
            )
        if rollout.strategy in ("canary", "linear") and challenger.instance_count < 2:
            raise refuse(
                f'"{rollout.strategy}" needs two instances of each variant: raise it, or use'
                ' rollout.strategy = "all_at_once"',
                key="instance_count",
                value=challenger.instance_count,
            )
        return challenger
