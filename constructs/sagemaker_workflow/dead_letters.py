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

    def __init__(
        self, scope: Construct, id_: str, *, key: kms.IKey, of_function: bool = False
    ) -> None:
        """Make the queue.

        :param key: encrypts the messages; its policy must let the sending service use it
        :param of_function: a function of this stack names it as its dead-letter queue. Default:
            a rule, a schedule or a topic does
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
        if not of_function:
            acknowledge(
                self.queue,
                "AwsSolutions-SQS3",
                "it is a dead-letter queue; cdk-nag knows only those of queues and of functions",
            )
