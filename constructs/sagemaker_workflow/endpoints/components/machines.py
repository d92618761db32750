"""The config and the endpoint that components are put on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.components.spec import ManagedScaling
from sagemaker_workflow.endpoints.specs import Instances
from sagemaker_workflow.endpoints.variants import as_number, as_text, storage_and_ami

if TYPE_CHECKING:
    from sagemaker_workflow.endpoints.components.construct import ComponentEndpoint


def build_machines(
    endpoint: ComponentEndpoint, managed: ManagedScaling
) -> tuple[sagemaker.CfnEndpointConfig, sagemaker.CfnEndpoint]:
    """Config and endpoint exist while the endpoint's condition holds; no model is named."""
    # No name: CloudFormation makes a new one for every change, so that the endpoint is
    # updated in place to it and the old config is there to go back to.
    config = sagemaker.CfnEndpointConfig(
        endpoint,
        "Config",
        execution_role_arn=endpoint.role.role_arn,
        enable_network_isolation=endpoint.isolated,
        kms_key_id=endpoint.key.key_arn,
        production_variants=[_variant(endpoint, endpoint.capacity, managed)],
    )
    resource = sagemaker.CfnEndpoint(
        endpoint,
        "Resource",
        endpoint_name=endpoint.name,
        endpoint_config_name=config.attr_endpoint_config_name,
        retain_all_variant_properties=True,  # the count the service has come to
    )
    if endpoint.condition is not None:
        for made in (config, resource):
            made.cfn_options.condition = endpoint.condition
    resource.node.add_dependency(endpoint.log_group, endpoint.role)
    return config, resource


def _variant(
    scope: Construct, capacity: Instances, managed: ManagedScaling
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    chosen = storage_and_ami(scope, capacity)
    scaling: dict[str, Any] = {
        "status": "ENABLED",
        "minInstanceCount": managed.min_instances,
        "maxInstanceCount": managed.max_instances,
    }
    if managed.scale_in is not None:
        scaling["scaleInPolicy"] = {
            "strategy": managed.scale_in,
            "maximumStepSize": managed.step_size,
            "cooldownInMinutes": managed.cooldown_minutes,
        }
    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name=limits.VARIANT,
        instance_type=capacity.instance_type,
        initial_instance_count=capacity.count,
        volume_size_in_gb=as_number(chosen["VolumeSizeInGB"]),
        inference_ami_version=as_text(chosen["InferenceAmiVersion"]),
        managed_instance_scaling=scaling,
        routing_config={"routingStrategy": capacity.routing.strategy},
    )
