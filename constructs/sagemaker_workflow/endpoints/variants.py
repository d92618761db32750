"""The variants of an endpoint's config, for each kind of capacity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aws_cdk import Annotations, Aws, Fn, Token
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct, IConstruct

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.by_type import by_type
from sagemaker_workflow.endpoints.faults import pooled_types
from sagemaker_workflow.endpoints.specs import Instances, Scaling, Serverless, Shadow, Variant
from sagemaker_workflow.faults import known
from sagemaker_workflow.model import Model

_STARTUP_SECONDS, _DOWNLOAD_SECONDS = 600, 600
# Weights of tens of gigabytes come unpacked; loading them into GPUs takes its time too.
_LARGE_STARTUP_SECONDS, _LARGE_DOWNLOAD_SECONDS = 1800, 3600


def instance_variant(
    model: Model, capacity: Instances, scope: Construct | None = None
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    """The only variant of an endpoint, on instances; what it needs besides is made in `scope`."""
    only = Variant(name=limits.VARIANT, model=model)
    return _property(variant_definition(scope or model, only, capacity))


def variant_definition(scope: Construct, variant: Variant, capacity: Instances) -> dict[str, Any]:
    """The variant, spelt as CloudFormation does; nothing in it is None."""
    large = variant.model.uses_data_source
    defaults = (
        (_LARGE_STARTUP_SECONDS, _LARGE_DOWNLOAD_SECONDS)
        if large
        else (_STARTUP_SECONDS, _DOWNLOAD_SECONDS)
    )
    stem = "" if variant.name == limits.VARIANT else _pascal(variant.name)
    definition = {
        "VariantName": variant.name,
        "ModelName": variant.model.name,
        **_machines(capacity),
        "VariantInstanceProvisionTimeoutInSeconds": capacity.provision_timeout_seconds,
        "InitialInstanceCount": capacity.count,
        "InitialVariantWeight": variant.weight,
        **storage_and_ami(scope, capacity, stem),
        "ContainerStartupHealthCheckTimeoutInSeconds": (
            capacity.startup_timeout_seconds or defaults[0]
        ),
        "ModelDataDownloadTimeoutInSeconds": capacity.download_timeout_seconds or defaults[1],
        "RoutingConfig": _routing(capacity),
    }
    return {name: value for name, value in definition.items() if value is not None}


def _machines(capacity: Instances) -> dict[str, Any]:
    """The type, or the pools of types in the order they are tried."""
    if not capacity.fallback_types:
        return {"InstanceType": capacity.instance_type}
    types = [capacity.instance_type, *capacity.fallback_types]
    pools = [{"InstanceType": one, "Priority": n} for n, one in enumerate(types, start=1)]
    return {"InstancePools": pools}


def shape_of(capacity: Instances) -> dict[str, str]:
    """What may not change while the variant is registered: its type, or all that it is tried on."""
    types = [capacity.instance_type, *capacity.fallback_types]
    return {"InstanceType": Fn.join(",", types) if len(types) > 1 else types[0]}


def storage_and_ami(scope: Construct, capacity: Instances, stem: str = "") -> dict[str, Any]:
    """Volume and AMI version as far as the instance type can have them; None where it cannot."""
    volume, ami = capacity.volume_gb, capacity.ami_version
    return {
        "VolumeSizeInGB": volume
        and by_type(
            scope,
            f"{stem}Volume",
            capacity,
            lambda one: None if limits.has_nvme(one) else volume,
        ),
        "InferenceAmiVersion": ami
        and by_type(
            scope,
            f"{stem}AmiVersion",
            capacity,
            lambda one: ami if limits.ami_fits(ami, one) else None,
        ),
    }


def variants_of(scope: Construct, variants: Sequence[Variant]) -> list[Any]:
    """Every production variant; one whose model may be absent is left out with it."""
    first, *others = variants
    rendered: list[Any] = [
        _property(variant_definition(scope, first, first.capacity or Instances()))
    ]
    for one in others:
        definition = variant_definition(scope, one, one.capacity or Instances())
        rendered.append(_while(one.model, first.model, definition) or _property(definition))
    return rendered


def shadow_of(scope: Construct, shadow: Shadow, shadowed: Variant) -> Any:
    """The list of shadow variants: one, or none while its model is absent.

    Its weight beside the shadowed variant's is the share that is copied.
    """
    as_variant = Variant(name=shadow.name, model=shadow.model, weight=shadow.share)
    capacity = shadow.capacity or shadowed.capacity or Instances()
    definition = variant_definition(scope, as_variant, capacity)
    chosen = _while(shadow.model, shadowed.model, [definition])
    return [_property(definition)] if chosen is None else chosen


def _while(model: Model, first: Model, then: Any) -> Any:
    """`then` under the model's condition, when it has one besides the endpoint's own."""
    if model.condition is None or model.condition is first.condition:
        return None
    return Fn.condition_if(model.condition.logical_id, then, Aws.NO_VALUE)


def _routing(capacity: Instances) -> dict[str, Any]:
    routing = capacity.routing
    if routing.strategy != "PREFIX_AWARE":
        return {"RoutingStrategy": routing.strategy}
    return {
        "RoutingStrategy": routing.strategy,
        "PrefixAwareRoutingConfig": {
            "PrefixLength": routing.prefix_length,
            "ConcurrencyThreshold": routing.concurrency_threshold,
        },
    }


def _property(definition: dict[str, Any]) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    config = sagemaker.CfnEndpointConfig
    routing = definition["RoutingConfig"]
    prefix = routing.get("PrefixAwareRoutingConfig")
    return config.ProductionVariantProperty(
        variant_name=definition["VariantName"],
        model_name=definition["ModelName"],
        instance_type=definition.get("InstanceType"),
        instance_pools=[
            config.InstancePoolProperty(instance_type=one["InstanceType"], priority=one["Priority"])
            for one in definition.get("InstancePools", [])
        ]
        or None,
        variant_instance_provision_timeout_in_seconds=definition.get(
            "VariantInstanceProvisionTimeoutInSeconds"
        ),
        initial_instance_count=definition["InitialInstanceCount"],
        initial_variant_weight=as_number(definition["InitialVariantWeight"]),
        volume_size_in_gb=as_number(definition.get("VolumeSizeInGB")),
        inference_ami_version=as_text(definition.get("InferenceAmiVersion")),
        container_startup_health_check_timeout_in_seconds=definition[
            "ContainerStartupHealthCheckTimeoutInSeconds"
        ],
        model_data_download_timeout_in_seconds=definition["ModelDataDownloadTimeoutInSeconds"],
        routing_config=config.RoutingConfigProperty(
            routing_strategy=routing["RoutingStrategy"],
            prefix_aware_routing_config=prefix
            and config.PrefixAwareRoutingConfigProperty(
                prefix_length=prefix["PrefixLength"],
                concurrency_threshold=prefix["ConcurrencyThreshold"],
            ),
        ),
    )


def as_number(value: Any) -> Any:
    """A number, or a token of what will be one; None stays None."""
    return value if value is None or isinstance(value, int | float) else Token.as_number(value)


def as_text(value: Any) -> Any:
    """A text, or a token of what will be one; None stays None."""
    return value if value is None or isinstance(value, str) else Token.as_string(value)


def serverless_variant(
    model: Model, capacity: Serverless
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name=limits.VARIANT,
        model_name=model.name,
        initial_variant_weight=1,
        serverless_config=sagemaker.CfnEndpointConfig.ServerlessConfigProperty(
            memory_size_in_mb=capacity.memory_mb,
            max_concurrency=capacity.max_concurrency,
            provisioned_concurrency=capacity.provisioned_concurrency,
        ),
    )


def smallest_fleets(capacity: Instances, scaling: Scaling | None) -> list[int]:
    """The counts an update may find: what is configured, and what scaling may go down to."""
    return [capacity.count, *([scaling.min_capacity] if scaling else [])]


def floor_of(capacity: Instances, scaling: Scaling | None) -> int:
    """How many instances there are whatever the load."""
    return scaling.min_capacity if scaling else capacity.count


def warn_of_local_storage(endpoint: IConstruct, capacity: Instances) -> None:
    """Say so where the volume key does not reach: the service accepts it and does not use it."""
    local = [one for one in pooled_types(capacity) if known(one) and limits.has_nvme(one)]
    if local:
        Annotations.of(endpoint).add_warning_v2(
            "sagemaker-workflow:local-storage-key",
            f"{', '.join(local)}: the instance's local storage is encrypted by its hardware, not "
            "with the KMS key; choose a type without local storage where the key is required",
        )


def with_capacity(variant: Variant) -> Variant:
    """The variant with its machines said, which nobody has to."""
    return replace(variant, capacity=variant.capacity or Instances())


def _pascal(name: str) -> str:
    """A part of a construct id: `model-b` -> `ModelB`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))
