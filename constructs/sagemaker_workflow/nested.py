"""One state machine runs another and waits for it."""

from __future__ import annotations

from aws_cdk import ArnFormat, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn

from sagemaker_workflow.grants import allow

# `.sync` waits by one rule per account that Step Functions makes and owns.
_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"


def executions_of(machine: sfn.IStateMachine, rest: str) -> str:
    """The ARN of executions of the machine: `rest` follows its name, `:*` for all."""
    name = Fn.select(6, Fn.split(":", machine.state_machine_arn))
    return Stack.of(machine).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{name}{rest}",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def grant_run_and_wait(role: iam.Role, machine: sfn.IStateMachine, *, why: str) -> None:
    """The role of a state machine may run the other one by `startExecution.sync:2`."""
    allow(role, "states:StartExecution", on=[machine.state_machine_arn])
    allow(
        role,
        "states:DescribeExecution",
        "states:StopExecution",
        on=[executions_of(machine, ":*")],
        why=why,
    )
    allow(
        role,
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
        on=[Stack.of(role).format_arn(service="events", resource="rule", resource_name=_RULE)],
    )
