"""The resource types, with the properties CloudFormation's resource schemas give them."""

from local_aws.cloudformation.endpoint import EndpointType
from local_aws.cloudformation.inference_component import TYPE as INFERENCE_COMPONENT
from local_aws.cloudformation.resource import ResourceType
from local_aws.sagemaker import store

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        noun="Model",
        properties=(
            "Containers",
            "EnableNetworkIsolation",
            "ExecutionRoleArn",
            "InferenceExecutionConfig",
            "ModelName",
            "PrimaryContainer",
            "Tags",
            "VpcConfig",
        ),
        records=lambda: store.models,
    ),
    ResourceType(
        noun="EndpointConfig",
        properties=(
            "AsyncInferenceConfig",
            "DataCaptureConfig",
            "EnableNetworkIsolation",
            "EndpointConfigName",
            "ExecutionRoleArn",
            "ExplainerConfig",
            "KmsKeyId",
            "MetricsConfig",
            "ProductionVariants",
            "ShadowProductionVariants",
            "Tags",
            "VpcConfig",
        ),
        records=lambda: store.endpoint_configs,
    ),
    EndpointType(
        noun="Endpoint",
        properties=(
            "DeploymentConfig",
            "EndpointConfigName",
            "EndpointName",
            "ExcludeRetainedVariantProperties",
            "RetainAllVariantProperties",
            "RetainDeploymentConfig",
            "Tags",
        ),
        updatable=(
            "DeploymentConfig",
            "EndpointConfigName",
            "ExcludeRetainedVariantProperties",
            "RetainAllVariantProperties",
            "RetainDeploymentConfig",
            "Tags",
        ),
        not_in_create=(
            "ExcludeRetainedVariantProperties",
            "RetainAllVariantProperties",
            "RetainDeploymentConfig",
        ),
        records=lambda: (),
    ),
    INFERENCE_COMPONENT,
    ResourceType(
        noun="ModelPackageGroup",
        properties=(
            "ModelPackageGroupDescription",
            "ModelPackageGroupName",
            "ModelPackageGroupPolicy",
            "Tags",
        ),
        updatable=("ModelPackageGroupPolicy", "Tags"),
        not_in_create=("ModelPackageGroupPolicy",),
        records=lambda: store.model_package_groups,
    ),
)
