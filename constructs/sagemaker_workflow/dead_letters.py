"""Where what could not be delivered is kept."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge

_TWO_WEEKS = Duration.days(14)


class DeadLetters(Construct):
    """An encrypted queue keeps for two weeks what could not be delivered.

    Attributes: queue.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey) -> None:
        """Make the queue.

        :param key: encrypts the messages; its policy must let the sending service use it
        """
        super().__init__(scope, id_)
        self.queue = sqs.Queue(
            self,
            "Resource",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=_TWO_WEEKS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.queue,
            "AwsSolutions-SQS3",
            "it is the dead-letter queue, of a rule or a function; cdk-nag looks at queues only",
        )
