"""Capacity that follows the load: one custom resource per endpoint owns target and policies.

CloudFormation's own scaling resources do not fit SageMaker: the service refuses to change the
instance type of a registered variant, and deregistering deletes the policies CloudFormation would
think it owns. So one function registers target and policies together, and two resources call it:

- `StepAside`, before the endpoint is updated: deregisters when the machines change.
- `Target`, after the endpoint is there: registers again, and deregisters when it goes.

A deployment that is rolled back calls `StepAside` with the old machines, which the endpoint still
has: it then registers again what it had taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_cdk import CfnResource, CustomResource, Duration, RemovalPolicy, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge_wildcards

Follows = Literal["invocations", "backlog", "provisioned_concurrency"]

# What one unit of capacity carries when nobody says: requests a minute, requests waiting (the
# value of the service's guide, contracts 5.6), share in use.
_TARGETS: dict[str, float] = {"invocations": 1000, "backlog": 5, "provisioned_concurrency": 0.7}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """Capacity follows the load between two bounds, both [T].

    Capacity is instances, for a serverless endpoint provisioned concurrency. `target` [T] is what
    one unit should carry: requests a minute (real-time), waiting requests (asynchronous), or the
    share in use of the provisioned concurrency, 0 to 1 (serverless). Default: the kind's own.
    """

    min_capacity: int = 1
    max_capacity: int = 4
    target: float | None = None
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 60


class EndpointScaling(Construct):
    """The endpoint's capacity follows its load; a change of machines is let through.

    Attributes: function, step_aside, target.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        endpoint: sagemaker.CfnEndpoint,
        name: str,
        variant: str,
        shape: Mapping[str, str | int],
        scaling: Scaling,
        follows: Follows,
        key: kms.IKey,
    ) -> None:
        """Make the function and the two resources that call it.

        :param endpoint: what scales; its condition is that of the resources as well
        :param name: the endpoint's name, a literal
        :param variant: the variant's name
        :param shape: what may not change while the variant is registered, in the words of
            DescribeEndpointConfig
        :param scaling: bounds, target and cooldowns
        :param follows: which load
        :param key: encrypts the function's log
        """
        super().__init__(scope, id_)
        self.function = self._build_function(name, variant, key)
        properties = {
            "EndpointName": name,
            "VariantName": variant,
            "Shape": {field: _text(value) for field, value in shape.items()},
            "Follows": follows,
            "MinCapacity": scaling.min_capacity,
            "MaxCapacity": scaling.max_capacity,
            "TargetValue": _TARGETS[follows] if scaling.target is None else scaling.target,
            "ScaleInCooldown": scaling.scale_in_cooldown_seconds,
            "ScaleOutCooldown": scaling.scale_out_cooldown_seconds,
        }
        self.step_aside = self._build_resource("StepAside", endpoint, properties)
        # The config's name changes with every update of the endpoint, and so calls it again.
        self.target = self._build_resource(
            "Target",
            endpoint,
            {**properties, "EndpointConfigName": endpoint.endpoint_config_name},
        )
        endpoint.node.add_dependency(self.step_aside)
        self.target.node.add_dependency(endpoint)

    def _build_resource(
        self, phase: str, endpoint: sagemaker.CfnEndpoint, properties: Mapping[str, object]
    ) -> CustomResource:
        resource = CustomResource(
            self,
            phase,
            service_token=self.function.function_arn,
            resource_type="Custom::EndpointScaling",
            properties={"Phase": phase, **properties},
            service_timeout=Duration.minutes(10),
        )
        # Not before the function may do its work, and not gone before the resource is deleted.
        resource.node.add_dependency(self.role, self.policy, self.log)
        made = resource.node.default_child
        if isinstance(made, CfnResource):
            made.cfn_options.condition = endpoint.cfn_options.condition
        return resource

    def _build_function(self, name: str, variant: str, key: kms.IKey) -> lambda_.Function:
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log = logs.LogGroup(
            self,
            "Log",
            encryption_key=key,
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        statements = self._statements(name, variant)
        self.policy = iam.ManagedPolicy(self, "Policy", roles=[self.role], statements=statements)
        acknowledge_wildcards(
            self.policy,
            [one for statement in statements for one in statement.resources],
            "scalable targets and endpoint configs have generated names, alarms of a tracking "
            "policy a generated end; the namespace and the endpoint's name limit them",
        )
        return lambda_.Function(
            self,
            "Function",
            description=f"Registers the endpoint {name} for automatic scaling",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="handler.handler",
            code=lambda_.Code.from_asset(
                str(_function_folder()), exclude=["__pycache__", "*.pyc", "__init__.py"]
            ),
            role=self.role,
            timeout=Duration.minutes(5),
            memory_size=256,
            log_group=self.log,
        )

    def _statements(self, name: str, variant: str) -> list[iam.PolicyStatement]:
        stack = Stack.of(self)

        def arn(service: str, resource: str) -> str:
            return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource}"

        targets = arn("application-autoscaling", "scalable-target/*")
        endpoint = arn("sagemaker", f"endpoint/{name.lower()}")
        configs = arn("sagemaker", "endpoint-config/*")
        # Target tracking names its alarms after the resource; ours is the one that wakes it.
        alarms = [
            arn("cloudwatch", f"alarm:TargetTracking-endpoint/{name}/variant/{variant}*"),
            arn("cloudwatch", f"alarm:{name}-wake-from-zero"),
        ]
        statements = [
            iam.PolicyStatement(
                actions=[
                    "application-autoscaling:RegisterScalableTarget",
                    "application-autoscaling:DeregisterScalableTarget",
                    "application-autoscaling:PutScalingPolicy",
                ],
                resources=[targets],
                conditions={
                    "StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}
                },
            ),
            # What Application Auto Scaling does in the caller's name.
            iam.PolicyStatement(
                actions=[
                    "sagemaker:DescribeEndpoint",
                    "sagemaker:UpdateEndpointWeightsAndCapacities",
                ],
                resources=[endpoint],
            ),
            iam.PolicyStatement(actions=["sagemaker:DescribeEndpointConfig"], resources=[configs]),
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
                resources=alarms,
            ),
            # A list call, which CloudWatch authorises for alarm:* only.
            iam.PolicyStatement(
                actions=["cloudwatch:DescribeAlarms"], resources=[arn("cloudwatch", "alarm:*")]
            ),
            iam.PolicyStatement(
                actions=["iam:CreateServiceLinkedRole"],
                resources=[_linked_role(stack)],
                conditions={
                    "StringEquals": {
                        "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"
                    }
                },
            ),
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[self.log.log_group_arn],
            ),
        ]
        return statements


def _text(value: str | int) -> str:
    """As text, as CloudFormation will send it; a parameter's value stays a reference."""
    return Token.as_string(value) if Token.is_unresolved(value) else str(value)


def _linked_role(stack: Stack) -> str:
    return (
        f"arn:{stack.partition}:iam::{stack.account}:role/aws-service-role/"
        "sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )


def _function_folder() -> Path:
    """The function's source: beside the library in the repository, inside it when installed."""
    root = Path(__file__).resolve()
    for folder in (root.parents[2] / "lambda", root.parent / "functions"):
        if (folder / "endpoint_scaling" / "handler.py").is_file():
            return folder / "endpoint_scaling"
    raise ValueError("the function endpoint_scaling is missing: install the library again")
