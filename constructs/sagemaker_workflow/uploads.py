"""Start a state machine when an object arrives."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from sagemaker_workflow.dead_letters import DeadLetters


class UploadTrigger(Construct):
    """Each object whose key matches `keys` starts an execution with S3's event as its input.

    The bucket must announce its objects on EventBridge. A start that fails is tried again for a
    day, then kept in `dead_letters`.

    Attributes: rule, dead_letters.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        bucket: s3.IBucket,
        keys: str,
        machine: sfn.IStateMachine,
        key: kms.IKey,
    ) -> None:
        """Make the rule.

        :param bucket: where objects arrive
        :param keys: which of them count; `*` stands for anything
        :param machine: what is started
        :param key: encrypts the dead letters
        """
        super().__init__(scope, id_)
        self.dead_letters = DeadLetters(self, "DeadLetters", key=key).queue
        account = Stack.of(self).account
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            ),
        )
        self.rule = events.Rule(
            self,
            "Resource",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": [{"wildcard": keys}]},
                },
            ),
            targets=[
                targets.SfnStateMachine(
                    machine,
                    role=role,
                    dead_letter_queue=self.dead_letters,
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                )
            ],
        )
