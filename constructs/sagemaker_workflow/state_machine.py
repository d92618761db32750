"""A state machine as this library makes them: logged, traced, encrypted, told apart by its role."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge
from sagemaker_workflow.log_group import log_group
from sagemaker_workflow.retries import SNS_FAULTS, retry


class StateMachine(Construct):
    """A state machine runs `definition` (Amazon States Language) under a role of its own.

    Attributes: machine, role.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        definition: Mapping[str, Any],
        substitutions: Mapping[str, str],
        key: kms.IKey,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the machine.

        :param definition: the states; `${Name}` stands for a substitution
        :param substitutions: what is known only at deployment, by name
        :param key: encrypts the log group; its policy must let CloudWatch Logs use it
        :param log_retention: how long the log is kept. Default: three months
        """
        super().__init__(scope, id_)
        log = log_group(self, "vendedlogs/states", key=key, retention=log_retention)
        self.role = iam.Role(self, "Role", assumed_by=_only_machines_of_this_account(self))
        self.machine = sfn.StateMachine(
            self,
            "Resource",
            role=self.role,
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition, indent=1)),
            definition_substitutions=dict(substitutions),
            logs=sfn.LogOptions(
                destination=log, level=sfn.LogLevel.ALL, include_execution_data=True
            ),
            tracing_enabled=True,
        )
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "log delivery (logs:CreateLogDelivery and its kin) and X-Ray's put calls know no"
            " resource: Step Functions Developer Guide, 'Logging' and 'Tracing'",
        )


def fails(next_: str) -> dict[str, Any]:
    """A Catch that explains what went wrong as {"error", "cause", "request"} and goes to `next_`.

    A Lambda's cause is JSON around its message, a job's is JSON around its FailureReason: the
    sentence a person wrote is dug out, and everything else is passed on as it is.
    """
    cause = (
        "( $cause := $states.errorOutput.Cause;"
        ' $found := $substring($cause, 0, 1) = "{" ? $parse($cause) : {};'
        " $exists($found.FailureReason) ? $found.FailureReason"
        " : $exists($found.errorMessage) ? $found.errorMessage"
        " : $exists($found.Error) ? $found.Error & ': ' & $found.Cause"
        ' : $exists($cause) and $cause != "" ? $cause : "no cause was given" )'
    )
    return {
        "ErrorEquals": ["States.ALL"],
        "Output": {
            "error": "{% $states.errorOutput.Error %}",
            "cause": "{% " + cause + " %}",
            "request": "{% $states.input %}",
        },
        "Next": next_,
    }


def failure_states(subject: str) -> dict[str, Any]:
    """The states `Tell` and `Failed`: publish on `${Topic}`, then end with error and cause."""
    return {
        "Tell": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Arguments": {
                "TopicArn": "${Topic}",
                "Subject": subject[:100],
                "Message": "{% $states.input.error & ': ' & $states.input.cause"
                " & '\n\nExecution: ' & $states.context.Execution.Id"
                " & '\nRequest: ' & $string($states.input.request) %}",
            },
            "Output": "{% $states.input %}",
            "Retry": [retry(*SNS_FAULTS)],
            # What went wrong first matters more than that nobody could be told.
            "Catch": [
                {"ErrorEquals": ["States.ALL"], "Output": "{% $states.input %}", "Next": "Failed"}
            ],
            "Next": "Failed",
        },
        "Failed": {
            "Type": "Fail",
            "Error": "{% $states.input.error %}",
            "Cause": "{% $states.input.cause %}",
        },
    }


def refuse(message: str) -> dict[str, Any]:
    """A state that ends the execution because its input is none it understands."""
    return {"Type": "Fail", "Error": "BadRequest", "Cause": message}


def _only_machines_of_this_account(scope: Construct) -> iam.IPrincipal:
    stack = Stack.of(scope)
    return iam.ServicePrincipal(
        "states.amazonaws.com",
        conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
    )
