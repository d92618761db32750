"""Execution roles that hold what they were granted, and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secrets
from aws_cdk import aws_sns as sns
from constructs import Construct, IConstruct

from sagemaker_workflow.acknowledge import acknowledge_all_wildcards
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.keys import arn_of
from sagemaker_workflow.place import keep_place
from sagemaker_workflow.roles import actions as of
from sagemaker_workflow.roles.actions import Kind
from sagemaker_workflow.roles.statements import Condition, Statements


class ExecutionRole(Construct):
    """A role SageMaker assumes, with one managed policy that grants fill.

    The trust names this account's own SageMaker resources, against the confused deputy. The policy
    is a resource of its own, so that a model can wait for it (`make_wait`): the first deployment
    otherwise races the policy. Grants from AWS's own constructs go to `role.policy`, a second one,
    for example `topic.grant_publish(role.policy)`.

    Attributes: kind, role, grants, policy.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        kind: Kind,
        begin: Callable[[ExecutionRole], None] | None = None,
    ) -> None:
        """Make the role.

        :param kind: what SageMaker runs under it
        :param begin: grants what is known already, so that CDK is told it with the policy. Default:
            grants come later
        """
        super().__init__(scope, id_)
        faults = Faults(of=lambda: f"execution role {self.node.path}")
        faults.unless_one_of("kind", kind, get_args(Kind))
        faults.raise_any()
        self.kind = kind
        self._place = keep_place(self, scope)
        self._statements = Statements()
        self.role = self._build_role()
        self._waiting = 1
        self.grant_metrics()
        if kind != "hosting":  # an endpoint has a log group of its own
            self.grant_job_logs(kind)
        if begin is not None:
            begin(self)
        self._waiting = 0
        self.grants = iam.CfnManagedPolicy(
            self, "Grants", roles=[self.role.role_name], policy_document=self._statements.document()
        )
        self._acknowledge()

    @functools.cached_property
    def policy(self) -> iam.ManagedPolicy:
        """What constructs of AWS's own grant to."""
        return iam.ManagedPolicy(self, "Policy", roles=[self.role])

    @functools.cached_property
    def role_arn(self) -> str:
        return self.role.role_arn

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is granted inside reaches CDK in one call instead of one for each statement."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            self._write()

    def make_wait(self, construct: IConstruct) -> None:
        """The construct is created after every policy of this role, those added later included."""
        construct.node.add_dependency(self)

    def grant_pull(self, *repository_arns: str) -> None:
        """The role can pull images from these repositories."""
        self._allow(
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
            on=repository_arns,
        )
        self._allow(
            "ecr:GetAuthorizationToken", on=["*"], why="the action has no resource to scope to"
        )

    def grant_read(self, bucket: s3.IBucket, prefix: str = "") -> None:
        """The role can list and read the objects whose keys start with the prefix."""
        self.grant_read_named(bucket, prefix)
        self._list(bucket, prefix)

    def grant_read_named(self, bucket: s3.IBucket, prefix: str = "") -> None:
        """The role can read the objects whose keys start with the prefix, if it knows the key."""
        self._allow(
            "s3:GetObject",
            on=[bucket.arn_for_objects(f"{prefix}*")],
            why=f"every object under the prefix {prefix or '(all)'!r} may be read, no other",
        )
        self.grant_key(bucket.encryption_key, "kms:Decrypt")

    def grant_read_object(self, bucket: s3.IBucket, key: str) -> None:
        """The role can read this one object."""
        self._allow("s3:GetObject", on=[bucket.arn_for_objects(key)])
        self.grant_key(bucket.encryption_key, "kms:Decrypt")

    def grant_input(self, bucket: s3.IBucket, key: str) -> None:
        """A job of the role can have this one object as input: a prefix to SageMaker, listed."""
        self.grant_read_object(bucket, key)
        self._list(bucket, key)

    def grant_read_missing(self, bucket: s3.IBucket) -> None:
        """The role hears that an object is not there; without it, that access is denied.

        S3 asks for s3:ListBucket then, and no prefix is part of a GetObject to limit it by.
        """
        self._list(bucket, "")

    def grant_write(self, bucket: s3.IBucket, prefix: str = "") -> None:
        """The role can write objects under the prefix, multipart uploads included."""
        self._allow(
            "s3:PutObject",
            "s3:AbortMultipartUpload",
            on=[bucket.arn_for_objects(f"{prefix}*")],
            why=f"names of objects under the prefix {prefix or '(all)'!r} are made at run time",
        )
        # A multipart upload reads its own parts back: Decrypt besides GenerateDataKey.
        self.grant_key(bucket.encryption_key, "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")

    def grant_delete(self, bucket: s3.IBucket, prefix: str) -> None:
        """The role can delete objects under the prefix: a checkpoint that is gone locally."""
        self._allow(
            "s3:DeleteObject",
            on=[bucket.arn_for_objects(f"{prefix}*")],
            why=f"names of objects under the prefix {prefix!r} are made at run time",
        )

    def grant_key(self, key: kms.IKey | None, *actions: str) -> None:
        """The role can use the key so; nothing to do for a bucket or topic without one."""
        if key is not None:
            self._allow(*actions, on=[arn_of(key)])

    def grant_volume_key(self, key: kms.IKey | None) -> None:
        """The role can encrypt the storage of its instances with the key."""
        self.grant_key(
            key, "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"
        )

    def grant_logs(self, group: logs.ILogGroup) -> None:
        """The role can write to this log group."""
        self._allow(*of.LOG_ACTIONS, on=[group.log_group_arn])

    def grant_job_logs(self, jobs: Literal["training", "processing", "transform"]) -> None:
        """The role can write to the log group that the service has for all jobs of a kind."""
        arn = self._place.arn("logs", f"log-group:{of.LOG_GROUPS[jobs]}")
        self._allow(
            *of.LOG_ACTIONS,
            on=[arn, f"{arn}:log-stream:*"],
            why="each job makes streams of its own in the service's log group",
        )

    def grant_metrics(self, *namespaces: str) -> None:
        """The role can publish metrics to SageMaker's namespaces and to those named here."""
        self._allow(
            "cloudwatch:PutMetricData",
            on=["*"],
            why="the action has no resource; the namespace is limited by a condition",
            only_if={
                "StringLike": {
                    "cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker", *namespaces]
                }
            },
        )

    def grant_secret(self, secret: secrets.ISecret) -> None:
        """The role can read this secret's value."""
        arn = secret.secret_full_arn or f"{secret.secret_arn}-??????"
        self._allow("secretsmanager:GetSecretValue", on=[arn])
        self.grant_key(secret.encryption_key, "kms:Decrypt")

    def grant_publish(self, topic: sns.ITopic, key: kms.IKey | None = None) -> None:
        """The role can publish to the topic; say its key when it is encrypted."""
        self._allow("sns:Publish", on=[topic.topic_arn])
        self.grant_key(key, "kms:Decrypt", "kms:GenerateDataKey")

    def grant_describe_alarms(self) -> None:
        """The role can read alarms: without it a rollout's automatic rollback does nothing."""
        self._allow(
            "cloudwatch:DescribeAlarms",
            on=[self._place.arn("cloudwatch", "alarm:*")],
            why="a list call, which CloudWatch authorises for alarm:* only; it reads, no more",
        )

    def grant_network(self) -> None:
        """The role can place containers in a VPC (contracts 13.2: no conditions are taken)."""
        self._allow(
            *of.NETWORK_ACTIONS,
            on=["*"],
            why="SageMaker validates these nine EC2 actions on * and refuses conditions",
        )

    def _build_role(self) -> iam.Role:
        return iam.Role(
            self,
            "Resource",
            assumed_by=_sagemaker_for(self._place.arn("sagemaker", of.SOURCES[self.kind])),
            description=f"SageMaker {self.kind} of {self.node.path}"[:1000],
        )

    def _list(self, bucket: s3.IBucket, prefix: str) -> None:
        self._allow(
            "s3:ListBucket",
            on=[bucket.bucket_arn],
            only_if={"StringLike": {"s3:prefix": [f"{prefix}*"]}} if prefix else None,
        )

    def _allow(
        self,
        *actions: str,
        on: Sequence[str],
        why: str = "",
        only_if: Condition | None = None,
    ) -> None:
        """Add a statement once; `why` acknowledges the wildcards its resources hold."""
        if self._statements.add(actions, on=on, why=why, only_if=only_if):
            self._write()

    def _write(self) -> None:
        if self._waiting:
            return
        self.grants.policy_document = self._statements.document()
        self._acknowledge()

    def _acknowledge(self) -> None:
        acknowledge_all_wildcards(self.grants, self._statements.take_wild(), place=self._place)


@functools.cache
def _sagemaker_for(source_arn: str) -> iam.ServicePrincipal:
    """SageMaker on behalf of this source; made once, for it is nothing but what it says."""
    return iam.ServicePrincipal(
        "sagemaker.amazonaws.com", conditions={"ArnLike": {"aws:SourceArn": source_arn}}
    )
