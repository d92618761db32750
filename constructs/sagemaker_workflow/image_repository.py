"""Where the images of one container live."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct


class ImageRepository(Construct):
    """An ECR repository exists whose tags never move and whose images are scanned on push.

    Tagged images are never expired: a tag is the hash of a build context, and whether a model
    package or an endpoint still names it is not for a lifecycle rule to know.

    Attributes: repository.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        key: kms.IKey,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        keep_untagged: Duration | None = None,
    ) -> None:
        """Make the repository.

        :param name: the repository's name, known to whoever pushes images
        :param key: encrypts the images at rest
        :param removal_policy: what happens to the images when the stack goes. Default: they stay
        :param keep_untagged: how long an image that lost its tag is kept. Default: 14 days
        """
        super().__init__(scope, id_)
        self.repository = ecr.Repository(
            self,
            "Resource",
            repository_name=name,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=key,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="images without a tag",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=keep_untagged or Duration.days(14),
                )
            ],
            removal_policy=removal_policy,
            # Destroy means destroy: ECR refuses to delete a repository that holds images.
            empty_on_delete=removal_policy == RemovalPolicy.DESTROY,
        )

    def uri(self, tag: str) -> str:
        """The full name of the image under `tag`."""
        return self.repository.repository_uri_for_tag(tag)
