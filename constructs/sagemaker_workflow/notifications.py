"""Somewhere to hear of failures."""

from __future__ import annotations

from aws_cdk import CfnCondition, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


class Notifications(Construct):
    """An encrypted topic exists; with an address, that address is asked to subscribe.

    Attributes: topic.
    """

    def __init__(
        self, scope: Construct, id_: str, *, key: kms.IKey, email: str | None = None
    ) -> None:
        """Make the topic.

        :param key: encrypts what waits for delivery; whoever publishes needs a grant on it
        :param email: an address, or a parameter that may be empty. Default: nobody is told
        """
        super().__init__(scope, id_)
        self.topic = sns.Topic(self, "Resource", master_key=key, enforce_ssl=True)
        # The policy that demands TLS replaces the one that let this account's alarms publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        if email is not None:
            given = CfnCondition(
                self, "HasEmail", expression=Fn.condition_not(Fn.condition_equals(email, ""))
            )
            subscription = sns.CfnSubscription(
                self, "Email", topic_arn=self.topic.topic_arn, protocol="email", endpoint=email
            )
            subscription.cfn_options.condition = given
