"""Where a stack is deployed to, asked of CDK once: each question is a call into Node."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from constructs import IConstruct

_FOUND: WeakKeyDictionary[IConstruct, Place] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Partition, region and account of a stack; references where the stack does not say."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def named(self, text: str) -> str:
        """The text with the pseudo parameters by name, as cdk-nag spells them."""
        for value, name in (
            (self.partition, "Partition"),
            (self.region, "Region"),
            (self.account, "AccountId"),
        ):
            if "${" in value:
                text = text.replace(value, f"<AWS::{name}>")
        return text


def place_of(construct: IConstruct) -> Place:
    """Where the construct's stack is deployed to."""
    found = _FOUND.get(construct)
    if found is None:
        stack = construct if isinstance(construct, Stack) else Stack.of(construct)
        found = _FOUND.get(stack) or Place(
            partition=stack.partition, region=stack.region, account=stack.account
        )
        _FOUND[stack] = _FOUND[construct] = found
    return found


def keep_place(construct: IConstruct, scope: IConstruct) -> Place:
    """The construct is where its scope is; it need not be asked of CDK again."""
    place = _FOUND[construct] = place_of(scope)
    return place
