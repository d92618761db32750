"""`Ingest`: the one way raw objects become datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from sagemaker_workflow.grants import allow
from sagemaker_workflow.preprocessing.definition import ingest
from sagemaker_workflow.preprocessing.spark import SparkEngine
from sagemaker_workflow.state_machine import StateMachine
from sagemaker_workflow.uploads import UploadTrigger


class Ingest(Construct):
    """A state machine preprocesses each object that arrives under `<dataset>/` in `source`.

    Attributes: machine, role, trigger.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        dataset: Mapping[str, Any],
        function: lambda_.IFunction,
        source: s3.IBucket,
        output: s3.IBucket,
        topic: sns.ITopic,
        dead_letters: sqs.IQueue,
        key: kms.IKey,
        spark: SparkEngine | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the machine and its trigger.

        :param dataset: the dataset as the function reads it; its `name` is the prefix of uploads
        :param function: validates and splits one object
        :param source: where raw objects arrive
        :param output: where datasets go
        :param topic: is told of each object that could not be preprocessed
        :param dead_letters: keeps what failed and was not to blame for it; encrypted with the key
        :param key: encrypts topic, log and dead letters
        :param spark: takes objects that are too large for the function. Default: none does
        :param log_retention: how long the log is kept. Default: three months
        """
        super().__init__(scope, id_)
        workflow = StateMachine(
            self,
            "Machine",
            definition=ingest(
                dataset,
                function_timeout_seconds=_seconds(function.node.default_child),
                spark=spark.cluster if spark else None,
                region=Stack.of(self).region,
            ),
            substitutions={
                **(spark.substitutions if spark else {}),
                "DeadLetters": dead_letters.queue_url,
                "Function": function.function_arn,
                "OutputBucket": output.bucket_name,
                "Topic": topic.topic_arn,
            },
            key=key,
            log_retention=log_retention,
        )
        self.machine, self.role = workflow.machine, workflow.role
        allow(self.role, "lambda:InvokeFunction", on=[function.function_arn])
        allow(self.role, "sns:Publish", on=[topic.topic_arn])
        allow(self.role, "sqs:SendMessage", on=[dead_letters.queue_arn])
        allow(self.role, "kms:Decrypt", "kms:GenerateDataKey", on=[key.key_arn])
        if spark is not None:
            spark.grant_run(self.role, source, output)
            spark.role.make_wait(self.machine)
        self.trigger = UploadTrigger(
            self,
            "Uploads",
            bucket=source,
            keys=f"{dataset['name']}/*",
            machine=self.machine,
            key=key,
        )


def _seconds(function: object) -> int:
    """The function's own limit; Lambda's when it is somebody else's function."""
    limit = function.timeout if isinstance(function, lambda_.CfnFunction) else None
    return int(limit or Duration.minutes(15).to_seconds())
