"""ministack's HTTP door, made to ask what AWS asks, of the resource AWS asks it for, by name."""

import contextvars
from typing import Any

from local_aws.adapter import encryption, process, resources
from local_aws.adapter.permissions import parameters, resource_arns

# Services some of whose ARNs `resources` puts right.
_CORRECTED = ("codebuild", "logs", "monitoring")
# The further need that a call of this thread or task was refused for, which has to be named.
_refused: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar(
    "refused", default=None
)


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
        ours = resource_arns.get(service)
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

    def enforce_further_needs(
        access_key: str, action: str, service: str, region: str, **given: Any
    ) -> Any:
        _refused.set(None)
        denied = enforce(access_key, action, service, region, **given)
        if denied:
            return denied
        for need, target in encryption.further_needs(action, given.get("resource_arn", "*")):
            denied = enforce(access_key, need, need.partition(":")[0], region, resource_arn=target)
            if denied:
                _refused.set((need, target))
                return denied
        return None

    iam_evaluator.enforce = enforce_further_needs

    answer = iam_actions.access_denied_response

    def access_denied_response(
        service: str, action: str, principal_arn: str, request_id: str, **rest: Any
    ) -> Any:
        # ministack mostly leaves the resource out, and knows one need for each call.
        if refused := _refused.get():
            action, rest["resource_arn"] = refused
        if not any(rest.get(k) for k in ("error_code", "message", "resource_policy_arn")):
            rest["message"] = iam_actions.identity_denial_message(
                action,
                principal_arn,
                rest.get("resource_arn", "*"),
                rest.get("explicit_deny", False),
            )
        return answer(service, action, principal_arn, request_id, **rest)

    iam_actions.access_denied_response = access_denied_response


def _condition_keys(service: str, body: bytes) -> dict[str, str]:
    """The condition keys of a service of ours that a call's parameters hold.

    The Service Authorization Reference lists these two for targets and policies.
    """
    if service != "application-autoscaling":
        return {}
    given = parameters(body)
    names = {"ServiceNamespace": "service-namespace", "ScalableDimension": "scalable-dimension"}
    return {f"{service}:{key}": str(given[name]) for name, key in names.items() if name in given}
