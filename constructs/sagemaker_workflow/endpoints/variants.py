"""The one variant of an endpoint, for each kind of capacity."""

from __future__ import annotations

from aws_cdk import Annotations
from aws_cdk import aws_sagemaker as sagemaker
from constructs import IConstruct

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import Instances, Scaling, Serverless
from sagemaker_workflow.faults import known
from sagemaker_workflow.model import Model


def instance_variant(
    model: Model, capacity: Instances
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    ami = capacity.ami_version
    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name=limits.VARIANT,
        model_name=model.name,
        instance_type=capacity.instance_type,
        initial_instance_count=capacity.count,
        initial_variant_weight=1,
        volume_size_in_gb=capacity.volume_gb,
        inference_ami_version=ami,
        container_startup_health_check_timeout_in_seconds=capacity.startup_timeout_seconds,
        model_data_download_timeout_in_seconds=capacity.download_timeout_seconds,
        # The service's own default is RANDOM, which queues behind a slow instance.
        routing_config=sagemaker.CfnEndpointConfig.RoutingConfigProperty(
            routing_strategy="LEAST_OUTSTANDING_REQUESTS"
        ),
    )


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


def warn_of_local_storage(endpoint: IConstruct, capacity: Instances) -> None:
    """Say so where the volume key does not reach: the service accepts it and does not use it."""
    possible = capacity.allowed_types or (capacity.instance_type,)
    local = [one for one in possible if known(one) and limits.has_nvme(one)]
    if local:
        Annotations.of(endpoint).add_warning_v2(
            "sagemaker-workflow:local-storage-key",
            f"{', '.join(local)}: the instance's local storage is encrypted by its hardware, not "
            "with the KMS key; choose a type without local storage where the key is required",
        )
