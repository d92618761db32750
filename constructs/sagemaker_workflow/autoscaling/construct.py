"""Capacity that follows the load: one function owns target, policies, alarms and schedules.

CloudFormation's own scaling resources do not fit SageMaker: the service refuses to change the
instance type of a registered variant, and deregistering deletes the policies CloudFormation would
think it owns. So the endpoint's function registers everything together, and is called by:

- `StepAside`, before the endpoint is updated: deregisters when the machines change, and waits for
  what scaling has begun, for the service refuses to update an endpoint that is changing. In a
  deployment that is rolled back it meets the old machines, and registers again.
- `Target`, after the endpoint is there: registers again, and deregisters when it goes.
- a rule, whenever the endpoint comes into service: registers again. A stack that fails after the
  endpoint was updated and before `Target` was is rolled back without calling `Target`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnResource, Stack, Token
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from sagemaker_workflow.autoscaling import policies
from sagemaker_workflow.autoscaling.permissions import scaling as permissions
from sagemaker_workflow.autoscaling.spec import Follows, Scaling
from sagemaker_workflow.lifecycle import EndpointLifecycle


class EndpointScaling(Construct):
    """The endpoint's capacity follows its load; a change of machines is let through.

    Attributes: step_aside, target, rule.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        lifecycle: EndpointLifecycle,
        endpoint: sagemaker.CfnEndpoint,
        variant: str,
        shape: Mapping[str, str | int],
        scaling: Scaling,
        follows: Follows,
    ) -> None:
        """Make what calls the function.

        :param lifecycle: has the function, and the condition all of it is under
        :param endpoint: what scales
        :param variant: the variant's name
        :param shape: what may not change while the variant is registered, in the words of
            DescribeEndpointConfig
        :param scaling: bounds, load, target, cooldowns and schedules
        :param follows: the load this kind of endpoint follows unless `scaling` names another
        """
        super().__init__(scope, id_)
        name = lifecycle.name
        alarms = policies.alarms(name, follows)
        lifecycle.allow(
            f"Scales{variant}",
            permissions(
                lifecycle,
                name=name,
                variant=variant,
                alarms=[one["AlarmName"] for one in alarms],
            ),
        )
        asked: dict[str, Any] = {
            "EndpointName": name,
            "VariantName": variant,
            "Shape": {field: _text(value) for field, value in shape.items()},
            "Target": policies.target(name, variant, follows),
            "MinCapacity": scaling.min_capacity,
            "MaxCapacity": scaling.max_capacity,
            "Policies": policies.policies(name, scaling, follows),
            "Alarms": alarms,
            "Schedules": policies.schedules(name, scaling),
        }
        asked = {key: value for key, value in asked.items() if value != []}
        # The config's name changes with every update of the endpoint, and so calls both again.
        every_time = {**asked, "EndpointConfigName": endpoint.endpoint_config_name}
        self.step_aside = self._ask(lifecycle, "StepAside", every_time)
        self.target = self._ask(lifecycle, "Target", every_time)
        self.rule = self._build_rule(lifecycle, asked)
        endpoint.add_resource_dependency(self.step_aside)
        endpoint.add_resource_dependency(self.rule)
        self.target.add_resource_dependency(endpoint)

    def _ask(
        self,
        lifecycle: EndpointLifecycle,
        phase: str,
        properties: Mapping[str, Any],
    ) -> CfnResource:
        return lifecycle.ask(
            self,
            phase,
            type_="Custom::EndpointScaling",
            properties={"Phase": phase, **properties},
        )

    def _build_rule(
        self,
        lifecycle: EndpointLifecycle,
        properties: Mapping[str, Any],
    ) -> events.CfnRule:
        """What the function is told is the rule's, so a rollback of the stack takes it back too."""
        queue = lifecycle.dead_letters
        rule = events.CfnRule(
            self,
            "InService",
            description=f"{lifecycle.name} came into service: it is scaled again",
            event_pattern={
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Endpoint State Change"],
                "detail": {"EndpointName": [lifecycle.name], "EndpointStatus": ["IN_SERVICE"]},
            },
            targets=[
                events.CfnRule.TargetProperty(
                    id="Restore",
                    arn=lifecycle.function_arn,
                    input=Stack.of(self).to_json_string(properties),
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=queue.queue_arn),
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=3600, maximum_retry_attempts=20
                    ),
                )
            ],
        )
        lambda_.CfnPermission(
            self,
            "MayCall",
            action="lambda:InvokeFunction",
            function_name=lifecycle.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        return rule


def _text(value: str | int) -> str:
    """As text, as CloudFormation will send it; a parameter's value stays a reference."""
    return Token.as_string(value) if Token.is_unresolved(value) else str(value)
