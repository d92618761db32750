"""A stack that is switched off and on by the clock, through its own parameter `Active`.

CloudFormation stays the only one who makes and removes the endpoint, so there is no drift: the
stack runs its previous template with one other value. What the stack's last deployment was done
with does this as well: UpdateStack without a role takes the stack's own service role (the CDK's
`cfn-exec-role`), and asks for no iam:PassRole (CloudFormation User Guide, "AWS CloudFormation
service role"). So the machine may update this one stack, from no other place's template, and
nothing else.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.retries import retry
from sagemaker_workflow.schedules.clock import Clock, Hours
from sagemaker_workflow.schedules.moments import moment_fault, timezone_fault
from sagemaker_workflow.state_machine import StateMachine, fails, failure_states

_SDK = "arn:aws:states:::aws-sdk:cloudformation:"
# Everything an endpoint's update may take: its rollout's time limit and what waits for it.
_TIMEOUT_SECONDS = 10 * 3600
_POLL_SECONDS = 30


class ActiveHours(Construct):
    """The stack's parameter `Active` is false outside the hours; who is not obeyed is told.

    Attributes: state_machine, clock.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        hours: Hours,
        topic: sns.ITopic,
        key: kms.IKey,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the schedules and the machine that updates the stack this construct is in.

        :param hours: when it stops and starts
        :param topic: is told when the stack could not be updated
        :param key: encrypts the log and the dead letters, and the topic
        :param log_retention: how long the machine's log is kept. Default: three months
        """
        super().__init__(scope, id_)
        faults = Faults(of=f"ActiveHours {self.node.path}")
        check_hours(hours, faults)
        faults.raise_any()
        made = StateMachine(
            self,
            "Machine",
            definition=_definition(),
            substitutions={"Stack": Aws.STACK_ID, "Topic": topic.topic_arn},
            key=key,
            log_retention=log_retention,
        )
        self.state_machine = made.machine
        for actions, resource, conditions in (
            (["cloudformation:DescribeStacks"], Aws.STACK_ID, None),
            (["cloudformation:UpdateStack"], Aws.STACK_ID, _NO_OTHER_TEMPLATE),
            (["sns:Publish"], topic.topic_arn, None),
            (["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn, None),
        ):
            made.role.add_to_policy(
                iam.PolicyStatement(actions=actions, resources=[resource], conditions=conditions)
            )
        moments = {"Stop": (hours.stop, '{"active": "false"}')}
        if hours.start is not None:
            moments["Start"] = (hours.start, '{"active": "true"}')
        self.clock = Clock(
            self,
            "Clock",
            machine_arn=self.state_machine.state_machine_arn,
            moments=moments,
            timezone=hours.timezone,
            key=key,
        )


def check_hours(hours: Hours, faults: Faults) -> None:
    """Collect what is wrong with the hours."""
    for name, value in (("stop", hours.stop), ("start", hours.start)):
        if value is not None and known(value) and (fault := moment_fault(f"hours {name}", value)):
            faults.add(fault)
    if hours.start is not None and hours.start == hours.stop:
        faults.add(
            f"hours start and stop are both {hours.stop!r}, allowed are two moments: change one"
        )
    if fault := timezone_fault("hours timezone", hours.timezone):
        faults.add(fault)


def _definition() -> dict[str, Any]:
    return {
        "Comment": "Sets the parameter Active of a stack, and sees that it is done",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": _TIMEOUT_SECONDS,
        "StartAt": "Look",
        "States": {
            "Look": _task("describeStacks", {"StackName": "${Stack}"}, _LOOKED, "WhatNow"),
            "WhatNow": {
                "Type": "Choice",
                "Choices": [
                    # A deployment is under way: it may take a while, and may change what is asked.
                    {"Condition": _is("$contains($states.input.status, 'IN_PROGRESS')"),
                     "Next": "WaitForTheStack"},
                    {"Condition": _is("$states.input.now = $states.input.active"),
                     "Next": "NothingToDo"},
                ],
                "Default": "Update",
            },
            "WaitForTheStack": {"Type": "Wait", "Seconds": _POLL_SECONDS, "Next": "Look"},
            "NothingToDo": {"Type": "Succeed"},
            "Update": _task("updateStack", _UPDATE, "{% $states.input %}", "WaitForTheUpdate"),
            "WaitForTheUpdate": {"Type": "Wait", "Seconds": _POLL_SECONDS, "Next": "LookAgain"},
            "LookAgain": _task(
                "describeStacks", {"StackName": "${Stack}"}, _LOOKED_AGAIN, "IsItDone"
            ),
            "IsItDone": {
                "Type": "Choice",
                "Choices": [
                    {"Condition": _is("$contains($states.input.status, 'IN_PROGRESS')"),
                     "Next": "WaitForTheUpdate"},
                    {"Condition": _is("$states.input.status = 'UPDATE_COMPLETE'"),
                     "Next": "Done"},
                ],
                "Default": "NotDone",
            },
            "Done": {"Type": "Succeed"},
            "NotDone": {"Type": "Pass", "Output": _NOT_DONE, "Next": "Tell"},
            **failure_states("A scheduled start or stop failed"),
        },
    }  # fmt: skip


def _is(condition: str) -> str:
    return "{% " + condition + " %}"


# The key is there when a template is fetched from a URL, and not for the previous template.
_NO_OTHER_TEMPLATE = {"Null": {"cloudformation:TemplateUrl": "true"}}
_REASON = "$states.result.Stacks[0].StackStatusReason"
_LOOKED = {
    "active": "{% $states.input.active %}",
    "status": "{% $states.result.Stacks[0].StackStatus %}",
    "now": "{% $states.result.Stacks[0].Parameters[ParameterKey = 'Active'].ParameterValue %}",
    "others": "{% [$states.result.Stacks[0].Parameters[ParameterKey != 'Active'].ParameterKey] %}",
}
_LOOKED_AGAIN = {
    **_LOOKED,
    # Said while the stack goes back, and of a stack that has gone back no more.
    "reason": "{% " + f"$length({_REASON}) > 0 ? {_REASON} : $exists($states.input.reason)"
    " ? $states.input.reason : '' %}",
}
_UPDATE = {
    "StackName": "${Stack}",
    "UsePreviousTemplate": True,
    "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    "Parameters": "{% $append([{'ParameterKey': 'Active', 'ParameterValue': $states.input.active}],"
    " [$states.input.others.{'ParameterKey': $, 'UsePreviousValue': true}]) %}",
}
# Not the stack's events: a page holds every resource's properties, and a state takes 256 KiB.
_NOT_DONE = {
    "error": "{% 'Stack is ' & $states.input.status %}",
    "cause": "{% ($states.input.reason = '' ? 'No reason was given' : $states.input.reason)"
    " & '; the events of ${Stack} tell it all' %}",
    "request": {"active": "{% $states.input.active %}"},
}


def _task(action: str, arguments: Any, output: Any, next_: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"{_SDK}{action}",
        "Arguments": arguments,
        "Output": output,
        "Retry": [retry("CloudFormation.CloudFormationException", attempts=5)],
        "Catch": [fails("Tell")],
        "Next": next_,
    }
