"""A value that follows the instance type, also when a parameter chooses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_cdk import Aws, CfnCondition, CfnMapping, Fn
from constructs import Construct

from sagemaker_workflow.endpoints.faults.capacity import possible_types
from sagemaker_workflow.endpoints.specs import Instances
from sagemaker_workflow.faults import known

_NONE = "none"


def by_type(
    scope: Construct, id_: str, capacity: Instances, value: Callable[[str], str | int | None]
) -> Any:
    """`value` of the instance type: a literal where all types agree, a mapping where they differ.

    A mapping cannot hold nothing, so `none` stands for it and a condition leaves it out.
    """
    if known(capacity.instance_type):
        return value(capacity.instance_type)
    each = {one: value(one) for one in possible_types(capacity)}
    if len(set(each.values())) == 1:
        return next(iter(each.values()))
    mapping = CfnMapping(
        scope,
        id_,
        mapping={
            one: {"Value": _NONE if found is None else str(found)} for one, found in each.items()
        },
    )
    found = Fn.find_in_map(mapping.logical_id, capacity.instance_type, "Value")
    if None not in each.values():
        return found
    has = CfnCondition(
        scope, f"Has{id_}", expression=Fn.condition_not(Fn.condition_equals(found, _NONE))
    )
    return Fn.condition_if(has.logical_id, found, Aws.NO_VALUE)
