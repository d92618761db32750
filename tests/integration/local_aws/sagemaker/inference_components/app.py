"""One endpoint without a model and two components on it, in L1 constructs only."""

import os

from aws_cdk import App, BootstraplessSynthesizer, CfnParameter, Stack
from aws_cdk import aws_sagemaker as sagemaker

IC = sagemaker.CfnInferenceComponent
app = App()
stack = Stack(app, "components", synthesizer=BootstraplessSynthesizer())
config = sagemaker.CfnEndpointConfig(
    stack,
    "Config",
    execution_role_arn=os.environ["ROLE"],
    production_variants=[
        sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name="primary",
            initial_instance_count=1,
            initial_variant_weight=1,
            instance_type="ml.m5.xlarge",
            managed_instance_scaling=sagemaker.CfnEndpointConfig.ManagedInstanceScalingProperty(
                status="ENABLED", min_instance_count=0, max_instance_count=2
            ),
        )
    ],
)
endpoint = sagemaker.CfnEndpoint(
    stack,
    "Endpoint",
    endpoint_name="components",
    endpoint_config_name=config.attr_endpoint_config_name,
)
for name in ("first", "second"):
    artifact = CfnParameter(stack, f"{name.title()}Artifact")
    IC(
        stack,
        name.title(),
        inference_component_name=f"components-{name}",
        endpoint_name=endpoint.attr_endpoint_name,
        variant_name="primary",
        specification=IC.InferenceComponentSpecificationProperty(
            container=IC.InferenceComponentContainerSpecificationProperty(
                image=os.environ["IMAGE"], artifact_url=artifact.value_as_string
            ),
            compute_resource_requirements=IC.InferenceComponentComputeResourceRequirementsProperty(
                min_memory_required_in_mb=2048, number_of_cpu_cores_required=0.5
            ),
        ),
        runtime_config=IC.InferenceComponentRuntimeConfigProperty(copy_count=1),
        deployment_config=IC.InferenceComponentDeploymentConfigProperty(
            rolling_update_policy=IC.InferenceComponentRollingUpdatePolicyProperty(
                maximum_batch_size=IC.InferenceComponentCapacitySizeProperty(
                    type="CAPACITY_PERCENT", value=50
                ),
                wait_interval_in_seconds=0,
            )
        ),
    )
app.synth()
