"""The batch stack: a state machine that scores whole files with the approved model."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from sagemaker_workflow.batch_transform import (
    BatchTransform,
    Schedule,
    TransformFleet,
    TransformJob,
)
from sagemaker_workflow.log_retention import RETENTION
from stacks import parameters
from stacks.images import Images
from stacks.names import Names
from stacks.served import approved_model, follow
from stacks.settings import Batch, Settings
from stacks.stored import Stored, publish


class BatchStack(Stack):
    """Files under `batch/input/` of the artifacts bucket are scored into `batch/output/`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        batch: Batch,
        settings: Settings,
        names: Names,
        images: Images,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, description="Scores whole files", **stack)
        stored = Stored(self, names)
        artifacts = stored.bucket("artifacts")
        transform = BatchTransform(
            self,
            "BatchTransform",
            model=approved_model(
                self,
                image=images.inference(self, names),
                artifacts=artifacts,
                isolated=True,
                active=None,
            ),
            job=TransformJob(
                input=(artifacts, "batch/input/"),
                output=(artifacts, "batch/output/"),
                content_type=batch.content_type,
                join=batch.join,
                input_filter=batch.input_filter,
                output_filter=batch.output_filter,
                manifests=(artifacts, "batch/manifests/") if batch.start_on_manifest else None,
                max_payload_mb=batch.max_payload_mb,
                max_concurrent=batch.max_concurrent,
                timeout_seconds=batch.max_runtime_minutes * 60,
            ),
            fleet=TransformFleet(
                instance_type=parameters.choice(
                    self,
                    "InstanceType",
                    batch.instance_type,
                    batch.allowed_instance_types,
                    "What transform jobs run on",
                ),
                allowed_types=batch.allowed_instance_types,
                types_known_here=batch.types_known_here,
                count=parameters.count(
                    self,
                    "InstanceCount",
                    batch.instance_count,
                    range(1, batch.max_instance_count + 1),
                    "How many instances share the files of a job",
                ),
                max_count=batch.max_instance_count,
            ),
            schedule=(
                Schedule(at=batch.schedule.at, timezone=batch.schedule.timezone)
                if batch.schedule
                else None
            ),
            name=names.stack("batch"),
            notification_email=parameters.email(self, batch.notification_email, "failed jobs"),
            key=stored.key,
            log_retention=RETENTION[settings.logs.retention_days],
        )
        follow(self, batch.model_package_group or settings.model_package_group)
        publish(
            self,
            names,
            {("batch", "state-machine-arn"): transform.state_machine.state_machine_arn},
        )
