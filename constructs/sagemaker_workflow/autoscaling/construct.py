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
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import CfnResource, CustomResource, Duration, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge, acknowledge_wildcards
from sagemaker_workflow.autoscaling.permissions import statements
from sagemaker_workflow.autoscaling.spec import TARGETS, Follows, Scaling
from sagemaker_workflow.keys import own_key
from sagemaker_workflow.log_group import log_group
from sagemaker_workflow.uploads import DeadLetters

if TYPE_CHECKING:  # the specs of endpoints hold one of Scaling
    from sagemaker_workflow.endpoints.specs import Operations


class EndpointScaling(Construct):
    """The endpoint's capacity follows its load; a change of machines is let through.

    Attributes: function, dead_letters, step_aside, target.
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
        operations: Operations,
    ) -> None:
        """Make the function and the two resources that call it.

        :param endpoint: what scales; its condition is that of the resources as well
        :param name: the endpoint's name, a literal
        :param variant: the variant's name
        :param shape: what may not change while the variant is registered, in the words of
            DescribeEndpointConfig
        :param scaling: bounds, target and cooldowns
        :param follows: which load
        :param operations: key and retention of the function's log, and whether it reserves
            concurrency
        """
        super().__init__(scope, id_)
        self.function = self._build_function(name, variant, operations)
        properties = {
            "EndpointName": name,
            "VariantName": variant,
            "Shape": {field: _text(value) for field, value in shape.items()},
            "Follows": follows,
            "MinCapacity": scaling.min_capacity,
            "MaxCapacity": scaling.max_capacity,
            "TargetValue": TARGETS[follows] if scaling.target is None else scaling.target,
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

    def _build_function(self, name: str, variant: str, operations: Operations) -> lambda_.Function:
        key = operations.key or own_key(self)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log = log_group(self, "lambda", key=key, retention=operations.log_retention)
        self.policy = self._build_policy(name, variant, key)
        self.dead_letters = DeadLetters(self, "DeadLetters", key=key).queue
        function = lambda_.Function(
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
            # CloudFormation calls it for one resource after the other.
            reserved_concurrent_executions=1 if operations.reserve_concurrency else None,
            dead_letter_queue=self.dead_letters,
            log_group=self.log,
            tracing=lambda_.Tracing.ACTIVE,
        )
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "xray:PutTraceSegments and xray:PutTelemetryRecords know no resource: X-Ray Developer"
            " Guide, 'How AWS X-Ray works with IAM'",
        )
        return function

    def _build_policy(self, name: str, variant: str, key: kms.IKey) -> iam.ManagedPolicy:
        allowed = statements(self, name=name, variant=variant, log=self.log, key=key)
        policy = iam.ManagedPolicy(self, "Policy", roles=[self.role], statements=allowed)
        acknowledge_wildcards(
            policy,
            [one for statement in allowed for one in statement.resources],
            "scalable targets and endpoint configs have generated names, alarms of a tracking "
            "policy a generated end; the namespace and the endpoint's name limit them",
        )
        return policy


def _text(value: str | int) -> str:
    """As text, as CloudFormation will send it; a parameter's value stays a reference."""
    return Token.as_string(value) if Token.is_unresolved(value) else str(value)


def _function_folder() -> Path:
    """The function's source: beside the library in the repository, inside it when installed."""
    library = Path(__file__).resolve().parents[1]
    for folder in (library.parents[1] / "lambda", library / "functions"):
        if (folder / "endpoint_scaling" / "handler.py").is_file():
            return folder / "endpoint_scaling"
    raise ValueError("the function endpoint_scaling is missing: install the library again")
