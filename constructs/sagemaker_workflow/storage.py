"""Where the data of a workflow lives: one key and four buckets."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge
from sagemaker_workflow.keys import let_logs_use, let_services_deliver

# Versions replaced by newer ones, and uploads that never finished, are kept this long.
OLD_VERSIONS = Duration.days(90)
UNFINISHED_UPLOADS = Duration.days(7)
# What preprocessing keeps in `processed` while it works; no dataset's name begins with a dot.
WORKING = ".working/"


class Storage(Construct):
    """A KMS key and the buckets raw, processed, artifacts and access logs exist.

    Every bucket is versioned, private, TLS only and has a lifecycle; all but the access logs are
    encrypted with the key. Uploads to the others are announced on EventBridge.

    Attributes: key, raw, processed, artifacts, access_logs.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        access_log_retention: Duration | None = None,
        expire_artifacts: Mapping[str, Duration] | None = None,
    ) -> None:
        """Make the key and the buckets.

        :param removal_policy: what happens to data and key when the stack goes. Default: they stay
        :param access_log_retention: how long access logs are kept. Default: 90 days
        :param expire_artifacts: by prefix, how long objects of `artifacts` are kept. Default: for
            good
        """
        super().__init__(scope, id_)
        # Delivery of access logs by bucket policy: the ACL it replaces cannot be had on a bucket
        # whose owner owns every object. AWS CDK asks for a flag.
        self.node.set_context("@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy", True)
        self._removal_policy = removal_policy
        self.key = self._build_key()
        self.access_logs = self._build_access_logs(access_log_retention or Duration.days(90))
        self.raw = self._build_bucket("Raw", announce=True)
        self.processed = self._build_bucket("Processed", announce=True)
        self.processed.add_lifecycle_rule(
            prefix=WORKING,
            expiration=Duration.days(1),
            noncurrent_version_expiration=Duration.days(1),
        )
        self.artifacts = self._build_bucket("Artifacts", announce=True)
        for prefix, age in (expire_artifacts or {}).items():
            self.artifacts.add_lifecycle_rule(
                prefix=prefix, expiration=age, noncurrent_version_expiration=OLD_VERSIONS
            )

    def _build_key(self) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            description=f"Data of {Stack.of(self).stack_name}",
            enable_key_rotation=True,
            removal_policy=self._removal_policy,
            pending_window=Duration.days(30),
        )
        # For this account's resources only.
        let_logs_use(key)
        let_services_deliver(key)
        return key

    def _build_access_logs(self, retention: Duration) -> s3.Bucket:
        # S3 does not deliver access logs to a bucket encrypted with a KMS key: S3 User Guide,
        # "Enabling Amazon S3 server access logging".
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=retention,
                    noncurrent_version_expiration=Duration.days(1),
                    abort_incomplete_multipart_upload_after=UNFINISHED_UPLOADS,
                )
            ],
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=self._removal_policy,
        )
        acknowledge(
            bucket,
            "AwsSolutions-S1",
            "the bucket of access logs: logging itself into itself would never end",
        )
        return bucket

    def _build_bucket(self, name: str, *, announce: bool = False) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix=f"{name.lower()}/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=OLD_VERSIONS,
                    abort_incomplete_multipart_upload_after=UNFINISHED_UPLOADS,
                )
            ],
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=self._removal_policy,
        )
        if announce:
            # The L2's own switch would add a custom resource, a function and a role with wildcards.
            resource = bucket.node.default_child
            assert isinstance(resource, s3.CfnBucket)  # noqa: S101  what an L2 bucket is made of
            resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                    event_bridge_enabled=True
                )
            )
        return bucket
