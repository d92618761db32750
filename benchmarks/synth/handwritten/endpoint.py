"""The endpoint and its config."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_sagemaker as sagemaker

from handwritten.words import KEY


def build_config(stack: Stack, model_name: str) -> sagemaker.CfnEndpointConfig:
    """A config of two instances."""
    return sagemaker.CfnEndpointConfig(
        stack,
        "Config",
        kms_key_id=KEY,
        production_variants=[
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name="primary",
                model_name=model_name,
                instance_type="ml.m5.xlarge",
                initial_instance_count=2,
                initial_variant_weight=1,
                container_startup_health_check_timeout_in_seconds=600,
                model_data_download_timeout_in_seconds=600,
                routing_config=sagemaker.CfnEndpointConfig.RoutingConfigProperty(
                    routing_strategy="LEAST_OUTSTANDING_REQUESTS"
                ),
            )
        ],
    )


def build_endpoint(
    stack: Stack, name: str, config_name: str, alarm_names: list[str]
) -> sagemaker.CfnEndpoint:
    """An endpoint that updates by a canary, watched by the alarms."""
    excluded = ("DataCaptureConfig", "DesiredInstanceCount")
    return sagemaker.CfnEndpoint(
        stack,
        "Endpoint",
        endpoint_name=name,
        endpoint_config_name=config_name,
        retain_all_variant_properties=True,
        exclude_retained_variant_properties=[
            sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type=one)
            for one in excluded
        ],
        deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=one) for one in alarm_names]
            ),
            blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
                traffic_routing_configuration=sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
                    type="CANARY",
                    wait_interval_in_seconds=300,
                    canary_size=sagemaker.CfnEndpoint.CapacitySizeProperty(
                        type="INSTANCE_COUNT", value=1
                    ),
                ),
                termination_wait_in_seconds=120,
                maximum_execution_timeout_in_seconds=4320,
            ),
        ),
    )
