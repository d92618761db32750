"""What the function of an endpoint's stack may do besides, for its variant to be scaled."""

from __future__ import annotations

from constructs import Construct

from sagemaker_workflow.lifecycle.permissions import Statement, allow, arn
from sagemaker_workflow.place import place_of

_PRINCIPAL = "sagemaker.application-autoscaling.amazonaws.com"


def scaling(scope: Construct, *, name: str, variant: str, alarms: list[str]) -> list[Statement]:
    """What it does for this variant of the endpoint `name`, and for no other."""
    place = place_of(scope)
    linked_role = (
        f"arn:{place.partition}:iam::{place.account}:role/aws-service-role/{_PRINCIPAL}/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )
    return [
        allow(
            "application-autoscaling:RegisterScalableTarget",
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:DeleteScalingPolicy",
            "application-autoscaling:PutScheduledAction",
            "application-autoscaling:DeleteScheduledAction",
            on=arn(scope, "application-autoscaling", "scalable-target/*"),
            condition={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
        ),
        # To write only what differs; these calls know no resource.
        allow(
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "application-autoscaling:DescribeScheduledActions",
            on="*",
        ),
        # What Application Auto Scaling does in the caller's name.
        allow(
            "sagemaker:UpdateEndpointWeightsAndCapacities",
            on=arn(scope, "sagemaker", f"endpoint/{name.lower()}"),
        ),
        allow("sagemaker:DescribeEndpointConfig", on=arn(scope, "sagemaker", "endpoint-config/*")),
        # Target tracking names its alarms after the resource; the others are ours.
        allow(
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DeleteAlarms",
            on=[
                arn(
                    scope,
                    "cloudwatch",
                    f"alarm:TargetTracking-endpoint/{name}/variant/{variant}*",
                ),
                *(arn(scope, "cloudwatch", f"alarm:{one}") for one in alarms),
            ],
        ),
        allow(
            "iam:CreateServiceLinkedRole",
            on=linked_role,
            condition={"StringEquals": {"iam:AWSServiceName": _PRINCIPAL}},
        ),
    ]
