"""Who is told of results and failures: two topics, addresses, queues."""

from __future__ import annotations

from aws_cdk import CfnCondition, Duration, Fn, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from sagemaker_workflow.dead_letters import DeadLetters
from sagemaker_workflow.endpoints.specs import Queues


def build_topic(scope: Construct, outcome: str, key: kms.IKey) -> sns.Topic:
    """The topic of one outcome, encrypted."""
    return sns.Topic(scope, f"{outcome}Topic", master_key=key, enforce_ssl=True)


def build_queue(
    scope: Construct, outcome: str, topic: sns.ITopic, asked: Queues, key: kms.IKey
) -> sqs.Queue:
    """A queue of one outcome, with its dead letters; nothing else may send to it."""
    dead = DeadLetters(scope, f"{outcome}DeadLetters", key=key).queue
    queue = sqs.Queue(
        scope,
        f"{outcome}Queue",
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=Duration.days(asked.retention_days),
        visibility_timeout=Duration.seconds(asked.visibility_seconds),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=asked.max_receives),
        removal_policy=RemovalPolicy.DESTROY,
    )
    topic.add_subscription(
        subscriptions.SqsSubscription(queue, raw_message_delivery=True, dead_letter_queue=dead)
    )
    return queue


def subscribe(
    scope: Construct, email: str | None, *, success: sns.ITopic, error: sns.ITopic
) -> None:
    """The address hears of both; a parameter may be empty, for nobody."""
    if email is None:
        return
    given = CfnCondition(
        scope, "HasEmail", expression=Fn.condition_not(Fn.condition_equals(email, ""))
    )
    for outcome, topic in (("Success", success), ("Error", error)):
        subscription = sns.CfnSubscription(
            scope,
            f"{outcome}Email",
            topic_arn=topic.topic_arn,
            protocol="email",
            endpoint=email,
        )
        subscription.cfn_options.condition = given
