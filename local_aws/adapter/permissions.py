"""IAM for our services, and for work done in a role's name, by ministack's own evaluator.

ministack enforces policies at its HTTP door and nowhere else. What a state machine, a job or an
endpoint may do with its role is asked here.
"""

import contextvars
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.adapter import encryption, process, resources
from local_aws.adapter.credentials import role_name

ResourceArn = Callable[[str, Mapping[str, Any], str], str]
"""From an action, its JSON parameters and its path to the ARN its policies are matched against."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """A call IAM refuses, in the words AWS uses."""

    action: str
    resource: str
    message: str


_resource_arns: dict[str, ResourceArn] = {}
_CORRECTED = ("logs", "monitoring")  # services some of whose ARNs `resources` puts right
# The need of KMS that a call of this thread or task was refused for, which has to be named.
_refused: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar(
    "refused", default=None
)


def denied_actions(
    role_arn: str,
    actions: Sequence[str],
    resource: str,
    *,
    context: Mapping[str, str] | None = None,
) -> list[str]:
    """Those of the actions the role may not do to the resource, its policies and boundary counted.

    The resource's own policy counts too, as it would in the call. `context` holds condition keys of
    the call (`iam:PassedToService`). A role that does not exist may do nothing.
    """
    return [
        action for action in actions if role_denial(role_arn, action, resource, context=context)
    ]


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
        for wanted, target in [(action, resource), *encryption.key_needs(action, resource)]:
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
    _resource_arns[name] = resource_arn


def parameters(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; empty when it is something else, such as a payload."""
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def install() -> None:
    """Name our resources to the evaluator, and take plain http on this machine for a secure way.

    Every bucket of a CDK app denies `aws:SecureTransport=false`; without this no client of an
    enforcing server could use one.
    """
    from ministack import app
    from ministack.core import iam_actions, iam_evaluator

    pin = app.pin_request_origin
    app.pin_request_origin = lambda address, _secure: pin(address, True)

    # Our services assume a role with the account's key to work as it, after asking `role_trusts`: a
    # trust policy's conditions (aws:SourceArn) speak of the service's call, which this is not.
    trusts = iam_evaluator.evaluate_trust_policy
    root = f"arn:aws:iam::{process.account()}:root"

    def evaluate_trust_policy(document: Any, caller_arn: str, context: Any = None) -> Any:
        return caller_arn == root or trusts(document, caller_arn, context)

    iam_evaluator.evaluate_trust_policy = evaluate_trust_policy

    others = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> Any:
        ours = _resource_arns.get(service)
        if ours is None:
            call = (service, method, path, headers, body, query_params)
            given = {**query_params, **parameters(body)} if service in _CORRECTED else {}
            right = given and resources.corrected(
                iam_actions.extract_iam_action(*call), given, region, account_id
            )
            return right or others(*call, region, account_id)
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        return ours(action, parameters(body) if action else {}, path)

    iam_actions.extract_resource_arn = extract_resource_arn

    tags = iam_actions.request_tag_context

    def request_context(service: str, action: str, body: bytes, params: dict[str, Any]) -> Any:
        return {**tags(service, action, body, params), **_condition_keys(service, body)}

    iam_actions.request_tag_context = request_context

    enforce = iam_evaluator.enforce

    def enforce_with_keys(
        access_key: str, action: str, service: str, region: str, **given: Any
    ) -> Any:
        _refused.set(None)
        denied = enforce(access_key, action, service, region, **given)
        if denied:
            return denied
        for need, key in encryption.key_needs(action, given.get("resource_arn", "*")):
            denied = enforce(access_key, need, "kms", region, resource_arn=key)
            if denied:
                _refused.set((need, key))
                return denied
        return None

    iam_evaluator.enforce = enforce_with_keys

    answer = iam_actions.access_denied_response

    def access_denied_response(
        service: str, action: str, principal_arn: str, request_id: str, **rest: Any
    ) -> Any:
        # Our own services', and S3's, which ministack answers without the resource.
        named = service in _resource_arns or service == "s3"
        if refused := _refused.get():
            action, rest["resource_arn"] = refused
            named = True
        if named and not any(rest.get(k) for k in ("error_code", "message", "resource_policy_arn")):
            rest["message"] = iam_actions.identity_denial_message(
                action,
                principal_arn,
                rest.get("resource_arn", "*"),
                rest.get("explicit_deny", False),
            )
        return answer(service, action, principal_arn, request_id, **rest)

    iam_actions.access_denied_response = access_denied_response


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


def _condition_keys(service: str, body: bytes) -> dict[str, str]:
    """The condition keys of a service of ours that a call's parameters hold.

    The Service Authorization Reference lists these two for targets and policies.
    """
    if service != "application-autoscaling":
        return {}
    given = parameters(body)
    names = {"ServiceNamespace": "service-namespace", "ScalableDimension": "scalable-dimension"}
    return {f"{service}:{key}": str(given[name]) for name, key in names.items() if name in given}
