"""Say, on the construct that causes it, why a finding of a rule pack is right as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

from sagemaker_workflow.place import Place, place_of


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


def acknowledge_wildcards(
    construct: IConstruct, resources: Sequence[str], reason: str, *, place: Place | None = None
) -> None:
    """Each of these policy resources that holds a `*` is acknowledged, spelt as cdk-nag does.

    `place` saves asking where the construct is deployed to.
    """
    acknowledge_all_wildcards(construct, [(resources, reason)], place=place)


def acknowledge_all_wildcards(
    construct: IConstruct,
    said: Sequence[tuple[Sequence[str], str]],
    *,
    place: Place | None = None,
) -> None:
    """The same for several statements in one call into Node; a wildcard may have several reasons.

    CDK keeps one reason for each finding, so those of one wildcard are one text.
    """
    reasons: dict[str, list[str]] = {}
    for resources, reason in said:
        for one in resources:
            if "*" in one:
                reasons.setdefault(one, []).append(reason)
    if not reasons:
        return
    named: list[Any] = list(reasons)
    if any("${" in one for one in named):
        place = place or place_of(construct)
        named = [place.named(one) for one in named]
    if any("${" in one for one in named):  # of a resource, which CDK alone can name
        named = Stack.of(construct).resolve(list(reasons))
    Validations.of(construct).acknowledge(
        *(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[Resource::{_flat(one)}]",
                reason="; ".join(dict.fromkeys(why)),
            )
            for one, why in zip(named, reasons.values(), strict=True)
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
