"""The storage stack: data, models and images, and the key that encrypts them."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from constructs import Construct

from sagemaker_workflow.image_build import ImageBuilder
from sagemaker_workflow.image_repository import ImageRepository
from sagemaker_workflow.log_retention import RETENTION
from sagemaker_workflow.storage import Storage
from stacks.endpoint.asynchronous import expiring
from stacks.images import Images
from stacks.names import Names
from stacks.settings import Settings
from stacks.stored import publish


class StorageStack(Stack):
    """Key, buckets and image repositories exist and are published in SSM."""

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
        super().__init__(
            scope,
            id_,
            description="Data, models and images, and the key that encrypts them",
            termination_protection=settings.retain,
            **stack,
        )
        removal = RemovalPolicy.RETAIN if settings.retain else RemovalPolicy.DESTROY
        storage = Storage(
            self,
            "Storage",
            removal_policy=removal,
            access_log_retention=Duration.days(settings.logs.retention_days),
            expire_artifacts=expiring(settings.endpoints),
        )
        published: dict[tuple[str, ...], str] = {
            ("storage", "raw-bucket"): storage.raw.bucket_name,
            ("storage", "processed-bucket"): storage.processed.bucket_name,
            ("storage", "artifacts-bucket"): storage.artifacts.bucket_name,
            ("storage", "key-arn"): storage.key.key_arn,
        }
        builder = None
        if settings.image.build == "codebuild":
            retention = RETENTION[settings.logs.retention_days]
            builder = ImageBuilder(self, "Images", key=storage.key, log_retention=retention)
        for container, tag in images.tags.items():
            repository = ImageRepository(
                self,
                container,
                name=names.repository(container),
                key=storage.key,
                removal_policy=removal,
                keep_untagged=Duration.days(settings.image.keep_untagged_days),
            )
            published["images", container] = repository.uri(tag)
            if builder is not None:
                builder.build(
                    container,
                    context=images.contexts[container].copy(),
                    repository=repository.repository,
                    tag=tag,
                )
        publish(self, names, published)
