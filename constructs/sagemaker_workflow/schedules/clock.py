"""A state machine started by the clock, with a role that can do nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from sagemaker_workflow.dead_letters import DeadLetters


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """When something costs money: from `start` on, until `stop`.

    Both are EventBridge Scheduler's expressions, such as `cron(0 7 ? * MON-FRI *)`, in `timezone`,
    an IANA name. Without `start` it is stopped and a person starts it.
    """

    stop: str
    start: str | None = None
    timezone: str = "UTC"


class Clock(Construct):
    """At each moment the state machine is started with that moment's input.

    A start that fails is tried again for an hour, then kept in `dead_letters`.
    Attributes: schedules, dead_letters.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        machine_arn: str,
        moments: Mapping[str, tuple[str, str]],
        timezone: str,
        key: kms.IKey,
    ) -> None:
        """Make the schedules.

        :param machine_arn: the state machine
        :param moments: (expression, input in JSON) by name
        :param timezone: of the expressions
        :param key: encrypts the dead letters
        """
        super().__init__(scope, id_)
        self.dead_letters = DeadLetters(self, "DeadLetters", key=key).queue
        role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Principal": {"Service": "scheduler.amazonaws.com"},
                        "Condition": {
                            "StringEquals": {"aws:SourceAccount": Stack.of(self).account}
                        },
                    }
                ],
            },
        )
        policy = iam.CfnManagedPolicy(
            self,
            "Policy",
            roles=[role.ref],
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    _allow("states:StartExecution", machine_arn),
                    _allow("sqs:SendMessage", self.dead_letters.queue_arn),
                    _allow(["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn),
                ],
            },
        )
        self.schedules = [
            scheduler.CfnSchedule(
                self,
                name,
                flexible_time_window={"mode": "OFF"},
                schedule_expression=expression,
                schedule_expression_timezone=timezone,
                target={
                    "arn": machine_arn,
                    "roleArn": role.attr_arn,
                    "input": given,
                    "retryPolicy": {
                        "maximumEventAgeInSeconds": 3600,
                        "maximumRetryAttempts": 10,
                    },
                    "deadLetterConfig": {"arn": self.dead_letters.queue_arn},
                },
            )
            for name, (expression, given) in moments.items()
        ]
        for one in self.schedules:
            one.add_resource_dependency(policy)


def _allow(action: str | list[str], resource: str) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}
