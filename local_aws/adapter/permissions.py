"""IAM for our services, and for work done in a role's name, by ministack's own evaluator.

ministack enforces policies at its HTTP door and nowhere else. What a state machine, a job or an
endpoint may do with its role is asked here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.adapter import encryption, process
from local_aws.adapter.credentials import role_name

ResourceArn = Callable[[str, Mapping[str, Any], str], str]
"""From an action, its JSON parameters and its path to the ARN its policies are matched against."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """A call IAM refuses, in the words AWS uses."""

    action: str
    resource: str
    message: str


resource_arns: dict[str, ResourceArn] = {}
"""Of each service of ours, how its calls name their resource."""


def denied_actions(
    role_arn: str,
    actions: Sequence[str],
    resource: str,
    *,
    context: Mapping[str, str] | None = None,
) -> list[str]:
    """Which actions are missing for those named, its policies and boundary counted.

    It is a KMS action where the resource is encrypted with a key the role may not use.

    The resource's own policy counts too, as it would in the call. `context` holds condition keys of
    the call (`iam:PassedToService`). A role that does not exist may do nothing.
    """
    denials = [role_denial(role_arn, action, resource, context=context) for action in actions]
    return [denial.action for denial in denials if denial]


def role_denial(
    role_arn: str,
    action: str,
    resource: str,
    *,
    context: Mapping[str, str] | None = None,
    session_name: str = "local-aws",
) -> Denial | None:
    """Why the role may not do this, or None when it may."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import request_scope
    from ministack.services import iam

    name = role_name(role_arn)
    with request_scope(process.account(), process.region()):
        policies = iam_evaluator._gather_role_policies(name, process.account())
        limits = iam_evaluator._permissions_boundary(iam._roles, name, process.account())
        principal = f"arn:aws:sts::{process.account()}:assumed-role/{name}/{session_name}"
        for wanted, target in [(action, resource), *encryption.further_needs(action, resource)]:
            denial = _denial(principal, "AssumedRole", policies, limits, wanted, target, context)
            if denial:
                return denial
        return None


def caller_denial(
    access_key: str, action: str, resource: str, *, context: Mapping[str, str] | None = None
) -> Denial | None:
    """Why the caller with this key may not do this; None when it may, as the root always may."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import request_scope

    with request_scope(process.account(), process.region()):
        who = iam_evaluator.resolve_principal(access_key, process.account())
        if isinstance(who, iam_evaluator.AuthError):
            return Denial(action=action, resource=resource, message=str(who.message))
        if who.policies is None:
            return None
        return _denial(who.arn, who.type, who.policies, who.limits, action, resource, context)


def enforce_service(name: str, *, models: Sequence[str], resource_arn: ResourceArn) -> None:
    """Have calls to one of our services authorized as AWS does; unknown services pass unasked.

    `models` are the botocore services whose REST paths name the action.
    """
    from ministack.core import iam_actions

    iam_actions.SERVICE_TO_IAM_NAMESPACE[name] = name
    iam_actions._BOTOCORE_SERVICE_MAP[name] = list(models)
    resource_arns[name] = resource_arn


def parameters(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; empty when it is something else, such as a payload."""
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _denial(
    principal: str,
    kind: str,
    policies: Any,
    limits: Any,
    action: str,
    resource: str,
    context: Mapping[str, str] | None,
) -> Denial | None:
    from ministack.core import iam_actions, iam_evaluator

    call = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type=kind,
        principal_account=process.account(),
        action=action,
        resource_arn=resource,
        region=process.region(),
        source_ip="127.0.0.1",
        secure_transport=True,
        service_context={
            "aws:tagkeys": None,
            **{key.lower(): value for key, value in (context or {}).items()},
        },
    )
    result = iam_evaluator.evaluate(call, policies, *limits)
    namespace = action.partition(":")[0]
    found = iam_evaluator._resource_policy(namespace, resource)
    if found is not None:
        result = iam_evaluator.combine_resource_policy(
            result,
            call,
            *found,
            required=namespace in iam_evaluator._POLICY_REQUIRED,
            limits=tuple(limits),
        )
    if result.decision == "Allow":
        return None
    message = iam_actions.identity_denial_message(
        action, principal, resource, result.decision == "Deny"
    )
    return Denial(action=action, resource=resource, message=message)
