"""Resource types of ours in ministack's CloudFormation."""

import contextvars
import functools
from typing import Any

from local_aws.adapter.types import CreateResource, DeleteResource, UpdateResource

_ours: set[str] = set()
_deleting_stack: contextvars.ContextVar[str] = contextvars.ContextVar("deleting_stack", default="")


def register_cloudformation_type(
    type_name: str,
    *,
    create: CreateResource,
    update: UpdateResource,
    delete: DeleteResource,
    stack_tags: bool = False,
) -> None:
    """Let stacks hold resources of this type.

    The functions run on worker threads and may take as long as the resource does. An exception
    fails the resource with its message, and the stack rolls back. `update` answers a new physical
    id for a replacement: the old resource is deleted when the stack cleans up. `stack_tags` adds
    the stack's own tags to the property `Tags`.
    """
    from ministack.services.cloudformation import provisioners

    def create_it(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        return create(props, stack_name=stack_name, logical_id=logical_id)

    def update_it(
        physical_id: str,
        old: dict[str, Any],
        new: dict[str, Any],
        stack_name: str,
        logical_id: str,
    ) -> Any:
        return update(physical_id, new, old, stack_name=stack_name, logical_id=logical_id)

    def delete_it(physical_id: str, props: dict[str, Any], logical_id: str) -> None:
        delete(physical_id, props, stack_name=_deleting_stack.get(), logical_id=logical_id)

    provisioners._RESOURCE_HANDLERS[type_name] = {
        "create": create_it,
        "update": update_it,
        "update_with_logical_id": True,
        "delete": delete_it,
        "delete_with_logical_id": True,
    }
    if stack_tags:
        provisioners._STACK_TAG_PROPERTY[type_name] = ("Tags", "list")
    _ours.add(type_name)


def install() -> None:
    """Run our types on worker threads, tell a delete its stack, a change set the conditions."""
    from ministack.services.cloudformation import changesets, provisioners, stacks

    blocks = stacks._runs_on_worker_thread
    # On the event loop one slow create would freeze every service of the server.
    stacks._runs_on_worker_thread = lambda kind: kind in _ours or blocks(kind)

    remove = provisioners._delete_resource

    @functools.wraps(remove)
    def delete_resource(
        resource_type: str,
        physical_id: str,
        props: dict[str, Any],
        stack_name: str | None = None,
        logical_id: str | None = None,
    ) -> None:
        token = _deleting_stack.set(stack_name or "")
        try:
            remove(resource_type, physical_id, props, stack_name, logical_id)
        finally:
            _deleting_stack.reset(token)

    provisioners._delete_resource = delete_resource
    stacks._delete_resource = delete_resource

    resolve = changesets._resolve_props_for_diff

    @functools.wraps(resolve)
    def resolve_what_is_there(
        template: dict[str, Any], params: dict[str, Any], stack_name: str, stack_id: str
    ) -> dict[str, Any]:
        """A condition that a parameter turns over adds its resources, or removes them."""
        resolved: dict[str, Any] = resolve(template, params, stack_name, stack_id)
        if not resolved:
            return resolved
        conditions = changesets._evaluate_conditions(template, params)
        there = {
            logical_id: {**resource, "Properties": _with_attributes(template, logical_id, resource)}
            for logical_id, resource in resolved["Resources"].items()
            if conditions.get(resource.get("Condition"), True)
        }
        return {**resolved, "Resources": there}

    changesets._resolve_props_for_diff = resolve_what_is_there


def _with_attributes(
    template: dict[str, Any], logical_id: str, resource: dict[str, Any]
) -> dict[str, Any]:
    """The resolved properties, each beside the attributes it names: they resolve to nothing yet."""
    raw = template["Resources"][logical_id].get("Properties") or {}
    resolved = resource.get("Properties") or {}
    named = {key: sorted(_attributes(value)) for key, value in raw.items()}
    return {k: [v, named[k]] if named.get(k) else v for k, v in resolved.items()}


def _attributes(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for one in value for name in _attributes(one)]
    if not isinstance(value, dict):
        return []
    if "Fn::GetAtt" in value:
        return [str(value["Fn::GetAtt"])]
    return [name for one in value.values() for name in _attributes(one)]
