"""Looking things up in a synthesised template."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk.assertions import Template

Resource = dict[str, Any]


def resources(stack: Stack, type_: str) -> dict[str, Resource]:
    """Logical id -> resource, for one type."""
    return dict(Template.from_stack(stack).find_resources(type_))


def only(stack: Stack, type_: str) -> Resource:
    """The one resource of this type."""
    found = resources(stack, type_)
    assert len(found) == 1, f"{len(found)} of {type_}"
    return next(iter(found.values()))


def statements(stack: Stack) -> list[Resource]:
    """Every statement of every policy, with actions and resources as lists."""
    found = []
    for type_ in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
        for policy in resources(stack, type_).values():
            for one in policy["Properties"]["PolicyDocument"]["Statement"]:
                found.append(
                    {**one, "Action": _listed(one["Action"]), "Resource": _listed(one["Resource"])}
                )
    return found


def allowed(stack: Stack, action: str) -> list[str]:
    """What the action is allowed on, flattened to text."""
    return [
        flat(resource)
        for one in statements(stack)
        if action in one["Action"]
        for resource in one["Resource"]
    ]


def flat(value: Any) -> str:
    """A CloudFormation value as text: references in angle brackets."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(flat(part) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
    return str(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
