"""`PreprocessAndTrain`: each new dataset becomes a model somebody can approve."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.grants import allow
from sagemaker_workflow.nested import grant_run_and_wait
from sagemaker_workflow.roles import ExecutionRole
from sagemaker_workflow.state_machine import StateMachine
from sagemaker_workflow.training.definition import Job, preprocess_and_train
from sagemaker_workflow.training.images import Images
from sagemaker_workflow.training.inspection import ModelInspection
from sagemaker_workflow.training.registry import ModelPackageGroup
from sagemaker_workflow.uploads import UploadTrigger


@dataclass(frozen=True, kw_only=True, slots=True)
class Buckets:
    """Where datasets come from, where models go, and the key both are encrypted with."""

    processed: s3.IBucket
    artifacts: s3.IBucket
    key: kms.IKey


class PreprocessAndTrain(Construct):
    """A state machine trains on each manifest that arrives, and registers the model.

    Attributes: machine, role (the machine's), execution_role (the training job's), inspection,
    trigger.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        job: Job,
        group: ModelPackageGroup,
        images: Images,
        buckets: Buckets,
        ingest: sfn.IStateMachine,
        topic: sns.ITopic,
        reserved_concurrency: int | None = 2,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the machine, the job's role and the trigger.

        :param job: what every training job has in common
        :param group: where models are registered
        :param images: what trains and what serves
        :param buckets: where datasets and models are
        :param ingest: preprocesses a raw object when asked to train on one
        :param topic: is told of each failure; encrypted with the buckets' key
        :param reserved_concurrency: how many models are inspected at once; None for no limit, see
            `ModelInspection`. Default: 2
        :param log_retention: how long the logs are kept. Default: three months
        """
        super().__init__(scope, id_)
        self._job, self._group = job, group
        self.execution_role = _execution_role(self, images.trainer, buckets, job)
        self.inspection = ModelInspection(
            self,
            "InspectModel",
            models=buckets.artifacts,
            prefix=f"training/{job.dataset}/",
            key=buckets.key,
            reserved_concurrency=reserved_concurrency,
            log_retention=log_retention,
        )
        workflow = StateMachine(
            self,
            "Machine",
            definition=preprocess_and_train(job, model_package_group=group.name, images=images),
            substitutions={
                "Artifacts": buckets.artifacts.bucket_name,
                "InferenceImage": images.inference.uri,
                "Ingest": ingest.state_machine_arn,
                "InspectModel": self.inspection.function.function_arn,
                "InstanceType": job.instance_type,
                "JobPrefix": job.prefix,
                "Key": buckets.key.key_arn,
                "Role": self.execution_role.role_arn,
                "Topic": topic.topic_arn,
                "TrainerImage": images.trainer.uri,
            },
            key=buckets.key,
            log_retention=log_retention,
        )
        self.machine, self.role = workflow.machine, workflow.role
        allow(
            self.role,
            "s3:GetObject",
            "s3:GetObjectVersion",
            on=[
                buckets.processed.arn_for_objects(f"{job.dataset}/*/manifest.json"),
                buckets.processed.arn_for_objects(f"{job.dataset}/latest/*"),
            ],
            why="each version has its manifest, each object its latest version",
        )
        self._may_train()
        self._may_register()
        if images.looked_up:
            allow(self.role, "ecr:DescribeImages", on=[*images.looked_up])
        allow(self.role, "lambda:InvokeFunction", on=[self.inspection.function.function_arn])
        grant_run_and_wait(self.role, ingest, why="each execution of Ingest has a name of its own")
        allow(self.role, "sns:Publish", on=[topic.topic_arn])
        allow(self.role, "kms:Decrypt", "kms:GenerateDataKey", on=[buckets.key.key_arn])
        self.execution_role.make_wait(self.machine)
        self.trigger = UploadTrigger(
            self,
            "Manifests",
            bucket=buckets.processed,
            keys=f"{job.dataset}/*/manifest.json",
            machine=self.machine,
            key=buckets.key,
        )

    def _may_train(self) -> None:
        stack = Stack.of(self)
        allow(
            self.role,
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:StopTrainingJob",
            "sagemaker:AddTags",
            "sagemaker:ListTags",
            on=[
                stack.format_arn(
                    service="sagemaker",
                    resource="training-job",
                    resource_name=f"{self._job.prefix}-*",
                )
            ],
            why="each execution's job has a name of its own, under this prefix",
        )
        allow(
            self.role,
            "iam:PassRole",
            on=[self.execution_role.role_arn],
            only_if={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        _may_wait(self.role, stack, "StepFunctionsGetEventsForSageMakerTrainingJobsRule")

    def _may_register(self) -> None:
        stack = Stack.of(self)
        versions = stack.format_arn(
            service="sagemaker", resource="model-package", resource_name=f"{self._group.name}/*"
        )
        group = stack.format_arn(
            service="sagemaker",
            resource="model-package-group",
            resource_name=self._group.name,
        )
        allow(
            self.role,
            "sagemaker:CreateModelPackage",
            on=[group, versions],
            why="the registry numbers the versions of the group",
        )


def _execution_role(
    scope: Construct, image: ContainerImage, buckets: Buckets, job: Job
) -> ExecutionRole:
    """The job reads its dataset, writes its models, and reaches nothing else."""
    role = ExecutionRole(scope, "ExecutionRole", kind="training")
    role.grant_pull(*image.repository_arns)
    role.grant_read(buckets.processed, f"{job.dataset}/")
    role.grant_write(buckets.artifacts, f"training/{job.dataset}/")
    if job.max_wait_seconds:
        checkpoints = f"{job.checkpoint_prefix}/{job.dataset}/"
        role.grant_read(buckets.artifacts, checkpoints)
        role.grant_write(buckets.artifacts, checkpoints)
        role.grant_delete(buckets.artifacts, checkpoints)
    role.grant_volume_key(buckets.key)
    return role


def _may_wait(role: iam.Role, stack: Stack, rule: str) -> None:
    """`.sync` waits by one rule per account that Step Functions makes and owns."""
    allow(
        role,
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
        on=[stack.format_arn(service="events", resource="rule", resource_name=rule)],
    )
