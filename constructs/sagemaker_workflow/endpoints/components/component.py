"""One model of a component endpoint: its copies, alarms, log, name parameter and scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, CfnOutput, Fn, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.alarms import NAMESPACE
from sagemaker_workflow.endpoints.components.scaling import CopyScaling, may_sleep
from sagemaker_workflow.endpoints.components.spec import (
    ComponentRollout,
    ComponentScaling,
    Copy,
)
from sagemaker_workflow.model import Model

if TYPE_CHECKING:
    from sagemaker_workflow.endpoints.components.construct import ComponentEndpoint

# How long requests may find no copy before a person hears of it: a component that sleeps needs an
# instance and a download to wake, one that does not should never be without.
_WAKING_MINUTES = 15


class InferenceComponent(Construct):
    """A model runs in copies on the endpoint's instances; updates roll, alarms send them back.

    Made by `ComponentEndpoint.add_component`, which checks what is asked. It exists while the
    model's condition holds.
    Attributes: name, model, resource, log_group, alarms, no_capacity, scaling.

    >>> import boto3, json
    >>> answer = boto3.client("sagemaker-runtime").invoke_endpoint(  # doctest: +SKIP
    ...     EndpointName="shop-prod-models",
    ...     InferenceComponentName="shop-prod-models-churn",
    ...     ContentType="application/json",
    ...     Body=json.dumps({"instances": [{"age": 41}]}),
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        endpoint: ComponentEndpoint,
        name: str,
        model: Model,
        each: Copy,
        copies: int,
        scaling: ComponentScaling | None,
        rollout: ComponentRollout,
    ) -> None:
        super().__init__(scope, id_)
        self.endpoint, self.name, self.model = endpoint, name, model
        operations = endpoint.operations
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/sagemaker/InferenceComponents/{name}",
            encryption_key=endpoint.key,
            retention=operations.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        for role in {endpoint.role, model.role}:
            role.grant_logs(self.log_group)
            role.grant_describe_alarms()
        self.alarms = self._build_alarms(rollout)
        self.no_capacity = self._build_no_capacity_alarm(
            _WAKING_MINUTES if scaling and may_sleep(scaling) else 1
        )
        self.resource = self._build_component(each, copies, rollout)
        self.scaling = (
            CopyScaling(self, "Scaling", component=self.resource, name=name, scaling=scaling)
            if scaling
            else None
        )
        ssm.CfnParameter(
            self,
            "Name",
            type="String",
            name=f"{endpoint.parameter_name}-components/{id_}",
            value=name,
            description=f"Name of the inference component {name} of {endpoint.name}",
        )
        CfnOutput(self, "ComponentName", value=name, description="Call the component by it")

    @property
    def arn(self) -> str:
        """The component's ARN; the service lower-cases names in ARNs (contracts 13.3)."""
        return Stack.of(self).format_arn(
            service="sagemaker", resource="inference-component", resource_name=self.name.lower()
        )

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """The grantee can call this component, streaming included, and no other.

        The service asks for the endpoint as well as for the component (contracts 13.3).
        """
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sagemaker:InvokeEndpoint"],
            resource_arns=[self.endpoint.arn, self.arn],
        )

    def metric(self, name: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        """Any metric SageMaker publishes for this component, by the minute."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            statistic=statistic,
            dimensions_map={"InferenceComponentName": self.name},
        )

    def _build_component(
        self, each: Copy, copies: int, rollout: ComponentRollout
    ) -> sagemaker.CfnInferenceComponent:
        resource = sagemaker.CfnInferenceComponent(
            self,
            "Resource",
            inference_component_name=self.name,
            # A reference: components are made after the endpoint and go before it. The service
            # lets an endpoint be deleted under its components, which then stay (contracts 3.4).
            endpoint_name=self.endpoint.resource.attr_endpoint_name,
            variant_name=limits.VARIANT,
            runtime_config={"copyCount": copies},
            specification={
                "modelName": self.model.name,
                "startupParameters": {
                    "containerStartupHealthCheckTimeoutInSeconds": each.startup_timeout_seconds,
                    "modelDataDownloadTimeoutInSeconds": each.download_timeout_seconds,
                },
                "computeResourceRequirements": {
                    name: value
                    for name, value in (
                        ("minMemoryRequiredInMb", each.memory_mb),
                        ("maxMemoryRequiredInMb", each.max_memory_mb),
                        ("numberOfCpuCoresRequired", each.cpus),
                        ("numberOfAcceleratorDevicesRequired", each.accelerators),
                    )
                    if value is not None
                },
            },
        )
        # Part of it is chosen by a parameter, and CDK does not translate what is in a Fn::If.
        resource.add_property_override("DeploymentConfig", self._deployment_config(rollout))
        resource.cfn_options.condition = self.model.condition or self.endpoint.condition
        resource.node.add_dependency(self.log_group, self.endpoint.role, self.model.role)
        return resource

    def _deployment_config(self, rollout: ComponentRollout) -> dict[str, Any]:
        batch = {"Type": "CAPACITY_PERCENT", "Value": rollout.batch_percent}
        alarms: Any = {"Alarms": [{"AlarmName": one.ref} for one in self.alarms]}
        if rollout.alarms_active is not None:
            alarms = Fn.condition_if(rollout.alarms_active.logical_id, alarms, Aws.NO_VALUE)
        return {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": batch,
                "WaitIntervalInSeconds": rollout.wait_seconds,
                "MaximumExecutionTimeoutInSeconds": rollout.timeout_seconds,
            },
            "AutoRollbackConfiguration": alarms,
        }

    def _build_alarms(self, rollout: ComponentRollout) -> list[cloudwatch.CfnAlarm]:
        slow = rollout.max_latency_ms
        return [
            self._alarm(
                "ServerErrors", "Invocation5XXErrors", rollout.max_errors, "requests end in a 5xx"
            ),
            self._alarm(
                "ModelErrors",
                "InvocationModelErrors",
                rollout.max_errors,
                "the container answers in error",
            ),
            self._alarm(
                "Latency",
                "ModelLatency",
                slow * 1000,  # the metric is in microseconds (contracts 3.5)
                f"one request in a hundred takes the model longer than {slow:g} ms",
                minutes=3,
                percentile="p99",
            ),
        ]

    def _build_no_capacity_alarm(self, minutes: int) -> cloudwatch.CfnAlarm:
        in_a_row = "" if minutes == 1 else f" for {minutes} minutes in a row"
        return self._alarm(
            "NoCapacity",
            "NoCapacityInvocationFailures",
            1,
            f"requests found no copy{in_a_row}",
            minutes=minutes,
        )

    def _alarm(
        self,
        id_: str,
        metric: str,
        threshold: float,
        says: str,
        *,
        minutes: int = 1,
        percentile: str | None = None,
    ) -> cloudwatch.CfnAlarm:
        topic = self.endpoint.operations.alarm_topic
        told = [topic.topic_arn] if topic else None
        return cloudwatch.CfnAlarm(
            self,
            id_,
            alarm_description=f"{self.name}: {says}",
            namespace=NAMESPACE,
            metric_name=metric,
            dimensions=[{"name": "InferenceComponentName", "value": self.name}],
            statistic=None if percentile else "Sum",
            extended_statistic=percentile,
            period=60,
            evaluation_periods=minutes,
            datapoints_to_alarm=minutes,
            threshold=threshold,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=told,
            ok_actions=told,
        )
