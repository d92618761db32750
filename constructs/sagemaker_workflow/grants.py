"""Permissions as single statements, with a word on each wildcard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam

from sagemaker_workflow.acknowledge import acknowledge_wildcards


def allow(
    role: iam.Role,
    *actions: str,
    on: Sequence[str],
    why: str = "",
    only_if: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """The role may do `actions` on `on`; `why` acknowledges the wildcards there.

    AWS CDK's own `grant_read` and its kin add actions with a star; these statements have none.
    """
    role.add_to_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=only_if)
    )
    if why:
        acknowledge_wildcards(role, on, why)
