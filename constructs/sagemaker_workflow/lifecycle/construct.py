"""The function of an endpoint's stack, and the check that what was deployed is what serves.

There is one function a stack and not one a question: `Custom::EndpointDeployed` asks it whether
the endpoint serves the config it was given, `Custom::EndpointScaling` (autoscaling) to register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnCondition, CfnResource
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct, IConstruct

from sagemaker_workflow.acknowledge import acknowledge_wildcards
from sagemaker_workflow.dead_letters import DeadLetters
from sagemaker_workflow.function_code import function_asset
from sagemaker_workflow.keys import own_key
from sagemaker_workflow.lifecycle.permissions import Statement, checking, running
from sagemaker_workflow.log_group import log_group
from sagemaker_workflow.place import keep_place, place_of

if TYPE_CHECKING:  # the specs of endpoints hold one of Scaling, which is built with this
    from sagemaker_workflow.endpoints.specs import Operations

# As long as the function may run: it waits for an endpoint that is still changing.
_SECONDS = 900
# CloudFormation calls for two resources at once, the rule for a third.
_AT_ONCE = 3
_PACKAGE = "endpoint_lifecycle"


class EndpointLifecycle(Construct):
    """A deployment fails when the endpoint does not serve what was asked for, and says why.

    Attributes: function_arn, dead_letters, log.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        operations: Operations,
        condition: CfnCondition | None = None,
    ) -> None:
        """Make the function; `watch` and `ask` make what calls it.

        :param name: the endpoint's name, a literal
        :param operations: key and retention of the function's log, and whether it reserves
            concurrency
        :param condition: the endpoint's own. Default: it is always there
        """
        super().__init__(scope, id_)
        keep_place(self, scope)
        self.name = name
        self._condition = condition
        self.key = operations.key or own_key(self)
        self.log = log_group(self, "lambda", key=self.key, retention=operations.log_retention)
        self.dead_letters = DeadLetters(self, "DeadLetters", key=self.key, of_function=True).queue
        self._dead_letters_arn = self.dead_letters.queue_arn
        self._role = self._build_role()
        self._policies: list[iam.CfnManagedPolicy] = []
        self.allow(
            "Policy",
            [
                *running(log=self.log, key=self.key, dead_letters_arn=self._dead_letters_arn),
                *checking(self, name=name),
            ],
        )
        self.function_arn = self._build_function(operations).attr_arn

    def allow(self, id_: str, statements: Sequence[Statement]) -> None:
        """The function may do this as well, before anything is asked of it."""
        policy = iam.CfnManagedPolicy(
            self,
            id_,
            roles=[self._role.ref],
            policy_document={"Version": "2012-10-17", "Statement": list(statements)},
        )
        acknowledge_wildcards(
            policy,
            [str(one) for each in statements for one in _listed(each["Resource"])],
            "scalable targets and endpoint configs have generated names, alarms of a tracking "
            "policy a generated end; X-Ray's put calls, and the list calls of CloudWatch and of "
            "Application Auto Scaling, know no resource",
            place=place_of(self),
        )
        self._policies.append(policy)

    def ask(
        self,
        scope: Construct,
        id_: str,
        *,
        type_: str,
        properties: Mapping[str, Any],
        after: Sequence[IConstruct] = (),
    ) -> CfnResource:
        """A resource whose creation, update and deletion is the function's work.

        It exists when the endpoint does; before the function may do its work it is not created,
        nor before what it comes `after`.
        """
        made = CfnResource(
            scope,
            id_,
            type=type_,
            properties={
                "ServiceToken": self.function_arn,
                "ServiceTimeout": _SECONDS,
                **properties,
            },
        )
        if self._condition is not None:
            made.cfn_options.condition = self._condition
        made.node.add_dependency(self.log, *self._policies, *after)
        return made

    def watch(self, endpoint: sagemaker.CfnEndpoint, config_name: str) -> CfnResource:
        """After each deployment the endpoint serves the config it was given, or it fails."""
        return self.ask(
            self,
            "Deployed",
            type_="Custom::EndpointDeployed",
            properties={
                "Phase": "Deployed",
                "EndpointName": self.name,
                "EndpointConfigName": config_name,
            },
            after=[endpoint],
        )

    def _build_role(self) -> iam.CfnRole:
        return iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Condition": {
                            "StringEquals": {"aws:SourceAccount": place_of(self).account}
                        },
                    }
                ],
            },
        )

    def _build_function(self, operations: Operations) -> lambda_.CfnFunction:
        code = function_asset(self, _PACKAGE)
        function = lambda_.CfnFunction(
            self,
            "Function",
            description=f"Checks and scales the endpoint {self.name}",
            code=lambda_.CfnFunction.CodeProperty(
                s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key
            ),
            handler=f"{_PACKAGE}.handler.handler",
            runtime="python3.14",
            role=self._role.attr_arn,
            timeout=_SECONDS,
            memory_size=256,
            reserved_concurrent_executions=_AT_ONCE if operations.reserve_concurrency else None,
            dead_letter_config=lambda_.CfnFunction.DeadLetterConfigProperty(
                target_arn=self._dead_letters_arn
            ),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(
                log_group=self.log.log_group_name
            ),
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
        )
        # The service refuses a dead-letter queue that the role may not write to.
        for policy in self._policies:
            function.add_resource_dependency(policy)
        return function


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
