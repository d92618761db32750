"""Say, on the construct that causes it, why a finding of a rule pack is right as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """The exact finding (`AwsSolutions-IAM5[Resource::*]`) is acknowledged on the construct.

    A bare rule id of a rule that reports details would acknowledge nothing, so it is refused.
    """
    if finding.startswith("AwsSolutions-IAM") and "[" not in finding:
        raise ValueError(
            f"acknowledge: {finding!r} names a rule, not a finding: write the finding as the "
            "report does, for example 'AwsSolutions-IAM5[Resource::*]'"
        )
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))


def acknowledge_wildcards(construct: IConstruct, resources: Sequence[str], reason: str) -> None:
    """Each of these policy resources that holds a `*` is acknowledged, spelt as cdk-nag does."""
    wild = [resource for resource in resources if "*" in resource]
    if not wild:
        return
    # One call for all of them, and none for what holds no token.
    resolved = Stack.of(construct).resolve(wild) if any("${" in one for one in wild) else wild
    Validations.of(construct).acknowledge(
        *(
            Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{_flat(one)}]", reason=reason)
            for one in resolved
        )
    )


def _flat(node: Any) -> str:
    """`<LogicalId.Arn>/x/*` for a resolved CloudFormation value."""
    if isinstance(node, str):
        return node
    match node:
        case {"Fn::Join": [separator, items]}:
            return str(separator).join(_flat(item) for item in items)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::ImportValue": value}:
            return _flat(value)
    return json.dumps(node, separators=(",", ":"))
