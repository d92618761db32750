"""The copies of a component follow the load, down to none and back.

Plain CloudFormation resources do here what a custom resource does for an endpoint's variant. There
the service refuses to change the instance type while the variant is registered, so target and
policies must step aside during an update. A component's target names the component, whose
instance type is the endpoint's: nothing CloudFormation updates is refused because of it, and
creation and deletion order are plain dependencies.

Target tracking cannot leave zero: with no copy there is nothing to measure. So what brings the
first copy back is a step policy on the requests that failed for want of one. The service's guide
writes the alarm as `GreaterThanThreshold 1`, which takes two failures in one minute; this one
needs one (contracts 3.5).
"""

from __future__ import annotations

from typing import Any, TypeVar

from aws_cdk import CfnResource
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from sagemaker_workflow.endpoints.alarms import NAMESPACE
from sagemaker_workflow.endpoints.components.spec import TARGETS, ComponentScaling
from sagemaker_workflow.faults import known

_METRICS = {
    "concurrency": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    "invocations": "SageMakerInferenceComponentInvocationsPerCopy",
}
_WAKE_COOLDOWN_SECONDS = 60
Resource = TypeVar("Resource", bound=CfnResource)


class CopyScaling(Construct):
    """The component is a scalable target; from zero, the first failed request wakes it.

    Attributes: target, tracking, and where copies may go down to none: wake, wake_alarm.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        component: sagemaker.CfnInferenceComponent,
        name: str,
        scaling: ComponentScaling,
    ) -> None:
        super().__init__(scope, id_)
        self._condition = component.cfn_options.condition
        self.target = self._made(
            autoscaling.CfnScalableTarget(
                self,
                "Target",
                service_namespace="sagemaker",
                scalable_dimension="sagemaker:inference-component:DesiredCopyCount",
                resource_id=f"inference-component/{name}",
                min_capacity=scaling.min_copies,
                max_capacity=scaling.max_copies,
            )
        )
        self.target.node.add_dependency(component)
        self.tracking = self._policy(
            "Tracking",
            f"{name}-tracking",
            "TargetTrackingScaling",
            target_tracking_scaling_policy_configuration={
                "targetValue": scaling.target or TARGETS[scaling.follows],
                "predefinedMetricSpecification": {
                    "predefinedMetricType": _METRICS[scaling.follows]
                },
                "scaleInCooldown": scaling.scale_in_cooldown_seconds,
                "scaleOutCooldown": scaling.scale_out_cooldown_seconds,
            },
        )
        if may_sleep(scaling):
            self._wake_from_zero(name)

    def _wake_from_zero(self, name: str) -> None:
        self.wake = self._policy(
            "Wake",
            f"{name}-wake-from-zero",
            "StepScaling",
            step_scaling_policy_configuration={
                "adjustmentType": "ChangeInCapacity",
                "metricAggregationType": "Maximum",
                "cooldown": _WAKE_COOLDOWN_SECONDS,
                "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}],
            },
        )
        self.wake_alarm = self._made(
            cloudwatch.CfnAlarm(
                self,
                "WakeAlarm",
                alarm_name=f"{name}-wake-from-zero",
                alarm_description=f"{name}: a request came and there was no copy; brings one back",
                namespace=NAMESPACE,
                metric_name="NoCapacityInvocationFailures",
                dimensions=[{"name": "InferenceComponentName", "value": name}],
                statistic="Sum",
                period=60,
                evaluation_periods=1,
                datapoints_to_alarm=1,
                threshold=1,
                comparison_operator="GreaterThanOrEqualToThreshold",
                treat_missing_data="notBreaching",
                alarm_actions=[self.wake.ref],
            )
        )

    def _policy(
        self, id_: str, name: str, kind: str, **configuration: Any
    ) -> autoscaling.CfnScalingPolicy:
        return self._made(
            autoscaling.CfnScalingPolicy(
                self,
                id_,
                policy_name=name,
                policy_type=kind,
                scaling_target_id=self.target.ref,
                **configuration,
            )
        )

    def _made(self, resource: Resource) -> Resource:
        resource.cfn_options.condition = self._condition
        return resource


def may_sleep(scaling: ComponentScaling) -> bool:
    """Whether copies may go down to none, now or by an override of a parameter."""
    return not known(scaling.min_copies) or scaling.min_copies == 0
