"""Somewhere to hear of failures."""

from __future__ import annotations

from aws_cdk import CfnCondition, Fn
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
        if email is not None:
            given = CfnCondition(
                self, "HasEmail", expression=Fn.condition_not(Fn.condition_equals(email, ""))
            )
            subscription = sns.CfnSubscription(
                self, "Email", topic_arn=self.topic.topic_arn, protocol="email", endpoint=email
            )
            subscription.cfn_options.condition = given
