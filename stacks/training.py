"""The training stack: `PreprocessAndTrain` turns each dataset into a registered model."""

from __future__ import annotations

from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from sagemaker_workflow.log_retention import RETENTION
from sagemaker_workflow.notifications import Notifications
from sagemaker_workflow.training import Buckets, Job, ModelPackageGroup, PreprocessAndTrain
from sagemaker_workflow.training import Images as TrainingImages
from stacks import parameters
from stacks.images import Images
from stacks.names import Names
from stacks.settings import Settings
from stacks.stored import Stored, publish


class TrainingStack(Stack):
    """Manifests in the processed bucket become versions of the model package group."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        names: Names,
        images: Images,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, description="Trains and registers models", **stack)
        training, stored = settings.training, Stored(self, names)
        instance_type = parameters.choice(
            self,
            "InstanceType",
            training.instance_type,
            training.allowed_instance_types,
            "What training jobs run on",
        )
        image_tag = parameters.text(
            self,
            "ImageTag",
            images.tags[training.container],
            parameters.IMAGE_TAG,
            "must be an image tag",
            "The trainer image; the default is the hash of its build context",
        )
        email = parameters.email(self, training.notification_email, "failed trainings")
        notifications = Notifications(self, "Notifications", key=stored.key, email=email)
        group = ModelPackageGroup(
            self,
            "Models",
            name=settings.model_package_group,
            removal_policy=RemovalPolicy.RETAIN if settings.retain else RemovalPolicy.DESTROY,
        )
        ingest = sfn.StateMachine.from_state_machine_arn(
            self, "Ingest", stored.read("preprocessing", "state-machine-arn")
        )
        workflow = PreprocessAndTrain(
            self,
            "PreprocessAndTrain",
            job=_job(settings, instance_type),
            group=group,
            images=TrainingImages(
                trainer=images.image(self, names, training.container, image_tag),
                inference=images.inference(self, names),
            ),
            buckets=Buckets(
                processed=stored.bucket("processed"),
                artifacts=stored.bucket("artifacts"),
                key=stored.key,
            ),
            ingest=ingest,
            topic=notifications.topic,
            reserved_concurrency=2 if settings.reserve_concurrency else None,
            log_retention=RETENTION[settings.logs.retention_days],
        )
        publish(
            self,
            names,
            {
                ("training", "state-machine-arn"): workflow.machine.state_machine_arn,
                ("training", "model-package-group"): group.name,
            },
        )


def _job(settings: Settings, instance_type: str) -> Job:
    training = settings.training
    runtime = training.max_runtime_minutes * 60
    wait = (training.max_wait_minutes or 2 * training.max_runtime_minutes) * 60
    return Job(
        prefix=settings.prefix,
        dataset=settings.dataset.name,
        problem=settings.dataset.problem,
        instance_type=instance_type,
        allowed_instance_types=training.allowed_instance_types,
        hyperparameters=training.hyperparameters,
        instance_count=training.instance_count,
        volume_size_gb=training.volume_size_gb,
        max_runtime_seconds=runtime,
        max_wait_seconds=wait if training.spot else None,
        checkpoint_prefix=training.checkpoint_prefix,
        trusted_pickles=training.trusted_pickles,
        tags=settings.all_tags,
    )
