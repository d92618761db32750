"""The function that turns an uploaded table into training data."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from sagemaker_workflow.dead_letters import DeadLetters
from sagemaker_workflow.function_role import function_role
from sagemaker_workflow.grants import allow
from sagemaker_workflow.log_group import log_group

# The newest Python that Lambda offers and cdk-nag knows (AwsSolutions-L1). The package holds only
# pure Python and abi3 wheels, so it runs on any.
RUNTIME = lambda_.Runtime.PYTHON_3_14
# An object of any size is read in some 360 MB; Lambda gives CPU in proportion to memory.
SMALLEST_MEMORY_MB = 2048


class PreprocessFunction(Construct):
    """A Lambda function reads objects of `source` and writes datasets to `output`.

    Attributes: function, role, dead_letters.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        package: Path,
        source: s3.IBucket,
        output: s3.IBucket,
        key: kms.IKey,
        memory_mb: int = 3008,
        timeout: Duration | None = None,
        reserved_concurrency: int | None = 2,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the function.

        :param package: the zip that `make package` writes
        :param source: where raw objects arrive; read
        :param output: where datasets are written; read too, to see what is there already
        :param key: encrypts both buckets, the environment, the log and the dead letters
        :param memory_mb: memory, and with it CPU. Default: 3008
        :param timeout: how long one object may take. Default: 15 minutes, Lambda's limit
        :param reserved_concurrency: how many objects are worked on at once; None for no limit,
            needed in a new account: Lambda refuses to reserve from its small quota. Default: 2
        :param log_retention: how long the log is kept. Default: three months

        Raises ValueError when the package is missing or the memory is too little to work with.
        """
        super().__init__(scope, id_)
        if not package.is_file():
            raise ValueError(
                f"the preprocessing function's package {package.name} is missing:"
                " run `make package`"
            )
        if memory_mb < SMALLEST_MEMORY_MB:
            raise ValueError(
                f"memory_mb is {memory_mb}, the preprocessing function needs at least"
                f" {SMALLEST_MEMORY_MB}"
            )
        self.dead_letters = DeadLetters(self, "DeadLetters", key=key).queue
        log = log_group(self, "lambda", key=key, retention=log_retention)
        self.role = function_role(self, log=log)
        self.function = lambda_.Function(
            self,
            "Resource",
            description="Validates an uploaded table; writes train, validation and test",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.X86_64,
            handler="preprocess.handler.handler",
            code=lambda_.Code.from_asset(str(package)),
            role=self.role,
            memory_size=memory_mb,
            timeout=timeout or Duration.minutes(15),
            reserved_concurrent_executions=reserved_concurrency,
            dead_letter_queue=self.dead_letters,
            environment_encryption=key,
            environment={"POWERTOOLS_SERVICE_NAME": "preprocess"},
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
        )
        self._grant(source, output, key)

    def _grant(self, source: s3.IBucket, output: s3.IBucket, key: kms.IKey) -> None:
        """Read the one bucket, read and write the other; delete nothing."""
        allow(
            self.role,
            "s3:GetObject",
            "s3:GetObjectVersion",
            on=[source.arn_for_objects("*")],
            why="uploads may have any key: the trigger, not the role, chooses among them",
        )
        allow(
            self.role,
            "s3:GetObject",
            "s3:PutObject",
            "s3:AbortMultipartUpload",
            on=[output.arn_for_objects("*")],
            why="a dataset's keys hold the hash of its source, known only at run time",
        )
        # Without s3:ListBucket a missing object is "access denied" rather than "not found".
        allow(self.role, "s3:ListBucket", on=[source.bucket_arn, output.bucket_arn])
        allow(self.role, "kms:Decrypt", "kms:GenerateDataKey", on=[key.key_arn])
