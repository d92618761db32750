"""The preprocessing stack: `Ingest` turns each upload into a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Duration, Stack
from constructs import Construct

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.log_retention import RETENTION
from sagemaker_workflow.notifications import Notifications
from sagemaker_workflow.preprocessing import (
    Backfill,
    Ingest,
    PreprocessFunction,
    SparkCluster,
    SparkEngine,
)
from stacks import parameters
from stacks.names import Names
from stacks.settings import Settings
from stacks.stored import Stored, publish


class PreprocessingStack(Stack):
    """Uploads to `<raw>/<dataset>/` become datasets in the processed bucket."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        names: Names,
        package: Path,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, description="Turns uploads into datasets", **stack)
        stored, sizes = Stored(self, names), settings.preprocessing
        raw, processed = stored.bucket("raw"), stored.bucket("processed")
        email = parameters.email(self, sizes.notification_email, "uploads that were refused")
        notifications = Notifications(self, "Notifications", key=stored.key, email=email)
        preprocess = PreprocessFunction(
            self,
            "Preprocess",
            package=package,
            source=raw,
            output=processed,
            key=stored.key,
            memory_mb=sizes.memory_mb,
            timeout=Duration.minutes(sizes.timeout_minutes),
            reserved_concurrency=(
                sizes.reserved_concurrency if settings.reserve_concurrency else None
            ),
            log_retention=RETENTION[settings.logs.retention_days],
        )
        spark = None
        if sizes.spark is not None:
            limit, packed = sizes.limits()
            spark = SparkEngine(
                self,
                "Spark",
                cluster=SparkCluster(
                    size_limit=limit,
                    packed_limit=packed,
                    instance_type=sizes.spark.instance_type,
                    instance_count=sizes.spark.instance_count,
                    volume_size_gb=sizes.spark.volume_size_gb,
                    max_runtime_seconds=sizes.spark.max_runtime_minutes * 60,
                ),
                dataset=settings.dataset.name,
                prefix=f"{settings.prefix}-spark",
                image=ContainerImage.managed(
                    "spark", version="3.5", region=settings.region, scope="processing"
                ),
                package=package,
                code=package.parents[2] / "containers" / "preprocess_spark",
                source=raw,
                output=processed,
                key=stored.key,
            )
        ingest = Ingest(
            self,
            "Ingest",
            dataset=settings.dataset.as_event(),
            function=preprocess.function,
            source=raw,
            output=processed,
            topic=notifications.topic,
            dead_letters=preprocess.dead_letters,
            key=stored.key,
            spark=spark,
            log_retention=RETENTION[settings.logs.retention_days],
        )
        backfill = Backfill(
            self,
            "Backfill",
            dataset=settings.dataset.name,
            ingest=ingest.machine,
            source=raw,
            output=processed,
            topic=notifications.topic,
            key=stored.key,
            max_concurrency=sizes.backfill.max_concurrency or sizes.reserved_concurrency,
            tolerated_failure_percent=sizes.backfill.tolerated_failure_percent,
            log_retention=RETENTION[settings.logs.retention_days],
        )
        publish(
            self,
            names,
            {
                ("preprocessing", "state-machine-arn"): ingest.machine.state_machine_arn,
                ("preprocessing", "backfill-arn"): backfill.machine.state_machine_arn,
            },
        )
