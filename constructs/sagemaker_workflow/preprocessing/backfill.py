"""`Backfill`: a folder of uploads goes through `Ingest` again."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge_wildcards
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.grants import allow
from sagemaker_workflow.nested import executions_of, grant_run_and_wait
from sagemaker_workflow.preprocessing.backfill_definition import (
    LABEL,
    backfill,
    results_prefix,
)
from sagemaker_workflow.state_machine import StateMachine

MOST_AT_ONCE = 1000  # children; each is an execution of `Ingest` besides


class Backfill(Construct):
    """A state machine gives `Ingest` every object under a prefix of `source`, many at once.

    It is started by a person, with {"prefix": "<dataset>/..."}. Objects whose version is published
    already are answered at once, so it may be started again after a failure.
    Attributes: machine, role.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        dataset: str,
        ingest: sfn.IStateMachine,
        source: s3.IBucket,
        output: s3.IBucket,
        topic: sns.ITopic,
        key: kms.IKey,
        max_concurrency: int = 2,
        tolerated_failure_percent: int = 50,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the machine.

        :param dataset: whose uploads these are: the prefix of their keys
        :param ingest: preprocesses one object
        :param source: where raw objects are; listed under the dataset's prefix
        :param output: gets the results, under `backfills/<dataset>/`
        :param topic: is told of a backfill that ended early
        :param key: encrypts the output bucket, topic and log
        :param max_concurrency: how many objects are in Ingest at once. Default: 2, as many as the
            function takes
        :param tolerated_failure_percent: more bad objects than this end the backfill. Default: 50
        :param log_retention: how long the log is kept. Default: three months

        Raises ValueError for numbers that cannot be.
        """
        super().__init__(scope, id_)
        _check(max_concurrency, tolerated_failure_percent)
        workflow = StateMachine(
            self,
            "Machine",
            definition=backfill(
                dataset,
                max_concurrency=max_concurrency,
                tolerated_failure_percent=tolerated_failure_percent,
            ),
            substitutions={
                "Ingest": ingest.state_machine_arn,
                "RawBucket": source.bucket_name,
                "OutputBucket": output.bucket_name,
                "Topic": topic.topic_arn,
            },
            key=key,
            log_retention=log_retention,
        )
        self.machine, self.role = workflow.machine, workflow.role
        grant_run_and_wait(self.role, ingest, why="each execution of Ingest has a name of its own")
        allow(
            self.role,
            "s3:ListBucket",
            on=[source.bucket_arn],
            only_if={"StringLike": {"s3:prefix": f"{dataset}/*"}},
        )
        # Step Functions Developer Guide, "ResultWriter (Map)", its policy.
        allow(
            self.role,
            "s3:PutObject",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:AbortMultipartUpload",
            on=[output.arn_for_objects(f"{results_prefix(dataset)}/*")],
            why="the results of each backfill are under a name of their own",
        )
        allow(self.role, "sns:Publish", on=[topic.topic_arn])
        allow(self.role, "kms:Decrypt", "kms:GenerateDataKey", on=[key.key_arn])
        self._may_start_children()

    def _may_start_children(self) -> None:
        """The children of a Distributed Map are executions of the machine itself.

        Step Functions Developer Guide, "IAM policies for using Distributed Map states". The policy
        is none of the role's own: the machine waits for those, and these name the machine.
        """
        every = executions_of(self.machine, ":*")
        children = executions_of(self.machine, f"/{LABEL}:*")
        policy = iam.Policy(
            self,
            "Children",
            roles=[self.role],
            statements=[
                iam.PolicyStatement(
                    actions=["states:StartExecution"], resources=[self.machine.state_machine_arn]
                ),
                iam.PolicyStatement(
                    actions=["states:DescribeExecution", "states:StopExecution"],
                    resources=[every],
                ),
                iam.PolicyStatement(actions=["states:RedriveExecution"], resources=[children]),
            ],
        )
        acknowledge_wildcards(
            policy, [every, children], "each object's child execution has a name of its own"
        )


def _check(max_concurrency: int, tolerated_failure_percent: int) -> None:
    faults = Faults(of="backfill")
    faults.unless_between("max_concurrency", max_concurrency, 1, MOST_AT_ONCE)
    faults.unless_between("tolerated_failure_percent", tolerated_failure_percent, 0, 100)
    faults.raise_any()
