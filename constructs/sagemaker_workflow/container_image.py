"""Where a container comes from, and who may pull it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from aws_cdk import aws_ecr as ecr

from sagemaker_workflow.faults import known
from sagemaker_workflow.managed_images import Processor, Scope, managed_image

if TYPE_CHECKING:
    from sagemaker_workflow.roles import ExecutionRole

Architecture = Literal["x86_64", "arm64"]

_ECR_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<suffix>amazonaws\.com(?:\.cn)?)"
    r"/(?P<repository>[a-z0-9._/-]+)(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerImage:
    """An image and the repository a role needs in order to pull it.

    Make one with `managed` (AWS's own), `from_repository` (yours) or `from_uri` (any ECR image,
    and the images that a model package names). `processor` and `architecture` are what it was
    built for, None while nobody said: instance types it cannot run on are then not refused.
    """

    uri: str
    repository_arns: tuple[str, ...]
    processor: Processor | None = None
    architecture: Architecture | None = None
    aws_managed: bool = False

    @property
    def has_tag_of_ours(self) -> bool:
        """Whether the digest is not in the URI but a registry of ours would tell it."""
        return not self.aws_managed and "@sha256:" not in self.uri

    @staticmethod
    def managed(
        framework: str,
        *,
        version: str,
        region: str,
        scope: Scope = "inference",
        processor: Processor = "cpu",
    ) -> ContainerImage:
        """An AWS-managed image of the lock file, by digest when the lock knows it.

        Raises ValueError, with what there is, for a framework, version or region not locked.
        """
        image = managed_image(framework, version, region=region, scope=scope, processor=processor)
        return replace(
            ContainerImage.from_uri(image.pinned_uri),
            processor=processor,
            architecture="arm64" if "arm64" in image.uri or "graviton" in image.uri else "x86_64",
            aws_managed=True,
        )

    @staticmethod
    def from_repository(
        repository: ecr.IRepository,
        tag: str,
        *,
        processor: Processor | None = None,
        architecture: Architecture | None = None,
    ) -> ContainerImage:
        """The image of this tag in one of your repositories; tags there should be immutable.

        Raises ValueError for an empty tag and for `latest`, which says nothing of what runs.
        """
        if known(tag) and tag in ("", "latest"):
            raise ValueError(
                f"container image: tag is {tag!r}, allowed is a tag that stays what it is: use "
                "the hash of the build context (build_context_hash)"
            )
        return ContainerImage(
            uri=repository.repository_uri_for_tag(tag),
            repository_arns=(repository.repository_arn,),
            processor=processor,
            architecture=architecture,
        )

    @staticmethod
    def from_uri(uri: str, *repositories: ecr.IRepository) -> ContainerImage:
        """An image by its URI. Say the repositories when the URI is known at deployment only.

        Raises ValueError when the URI is not one of ECR's, for only those can be pulled.
        """
        if repositories:
            return ContainerImage(
                uri=uri, repository_arns=tuple(one.repository_arn for one in repositories)
            )
        if not known(uri):
            raise ValueError(
                "container image: the URI is known at deployment only, so the repository to pull "
                "from is not: pass it, from_uri(uri, repository)"
            )
        parts = _ECR_URI.fullmatch(uri)
        if parts is None:
            raise ValueError(
                f"container image: {uri!r} is not an ECR image, allowed is "
                "<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>: push it to a "
                "repository of yours first"
            )
        # A registry of another partition cannot be pulled from, so its suffix says which.
        partition = "aws-cn" if parts["suffix"].endswith(".cn") else "aws"
        arn = "arn:{}:ecr:{region}:{account}:repository/{repository}".format(
            partition, **parts.groupdict()
        )
        return ContainerImage(uri=uri, repository_arns=(arn,))

    def grant_pull(self, role: ExecutionRole) -> None:
        """The role can pull from this image's repository, AWS's accounts included."""
        role.grant_pull(*self.repository_arns)

    def region_of(self, here: str) -> str | None:
        """The region in the URI when it is not the one here, which cannot work."""
        parts = _ECR_URI.fullmatch(self.uri) if known(self.uri) else None
        if parts is None or parts["region"] == here or not known(here):
            return None
        return parts["region"]
