"""The function that reads a trained model's archive and says which files are in it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from sagemaker_workflow.dead_letters import DeadLetters
from sagemaker_workflow.function_code import function_code
from sagemaker_workflow.function_role import function_role
from sagemaker_workflow.grants import allow
from sagemaker_workflow.log_group import log_group
from sagemaker_workflow.training.inspection.state import TIMEOUT_SECONDS

_PACKAGE = "inspect_model"
# One whole processor, which memory buys (Lambda Developer Guide, "Configure Lambda function
# memory"); 150 MB of it are used, whatever the model's size. Measured on one processor, it unpacks
# and hashes 190 MB/s of trees and 660 MB/s of weights: 30 GB, the most that it takes, in less than
# three minutes. The network is slower than that, so the time is Lambda's longest.
_MEMORY_MB = 1769


class ModelInspection(Construct):
    """A Lambda function reads the models of one dataset as they are trained.

    It reads the archive as it comes from S3 and keeps nothing: a model's size is bounded by time.
    Attributes: function, role, dead_letters.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        models: s3.IBucket,
        prefix: str,
        key: kms.IKey,
        reserved_concurrency: int | None = 2,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the function.

        :param models: where training jobs leave their archives; read
        :param prefix: of the archives' keys, with a slash at its end
        :param key: encrypts the bucket, the log and the dead letters
        :param reserved_concurrency: how many models are read at once; None for no limit, needed in
            a new account: Lambda refuses to reserve from its small quota. Default: 2
        :param log_retention: how long the log is kept. Default: three months

        Raises ValueError for a prefix that would reach further than one folder.
        """
        super().__init__(scope, id_)
        if not prefix.strip("/") or prefix.startswith("/") or not prefix.endswith("/"):
            raise ValueError(
                f"prefix is {prefix!r}, must be a folder of the bucket, like training/orders/"
            )
        self.dead_letters = DeadLetters(self, "DeadLetters", key=key).queue
        log = log_group(self, "lambda", key=key, retention=log_retention)
        self.role = function_role(self, log=log)
        self.function = lambda_.Function(
            self,
            "Resource",
            description="Refuses models that must not be loaded; finds the digest of the others",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.X86_64,
            handler=f"{_PACKAGE}.handler.handler",
            code=function_code(_PACKAGE),
            role=self.role,
            memory_size=_MEMORY_MB,
            timeout=Duration.seconds(TIMEOUT_SECONDS),
            reserved_concurrent_executions=reserved_concurrency,
            dead_letter_queue=self.dead_letters,
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
        )
        allow(
            self.role,
            "s3:GetObject",
            on=[models.arn_for_objects(f"{prefix}*")],
            why="each training job leaves its archive under a name of its own",
        )
        # GenerateDataKey for the queue: its messages are encrypted by whoever sends them.
        allow(self.role, "kms:Decrypt", "kms:GenerateDataKey", on=[key.key_arn])
