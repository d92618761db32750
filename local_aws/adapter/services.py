"""Services of ours behind ministack's door: routed, authorized and answered like its own."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.adapter import process
from local_aws.adapter.arns import autoscaling_arn, sagemaker_arn
from local_aws.adapter.caller_permissions import (
    Needs,
    autoscaling_needs,
    invoked_component,
    passed_roles,
)
from local_aws.adapter.permissions import (
    ResourceArn,
    caller_denial,
    enforce_service,
    parameters,
)
from local_aws.adapter.types import Handler, Request, Response
from local_aws.adapter.workers import run_on_worker

log = logging.getLogger("local_aws")

_SCOPE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")
_paths: dict[str, str] = {}
_scopes: dict[str, str] = {}
names: set[str] = set()
"""Our services, each with a botocore model of the same name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Authorization:
    """How IAM looks at a service: the resource of a call, and what else its caller needs.

    `rest_models` are the botocore services whose REST paths name the action.
    """

    resource_arn: ResourceArn = lambda _action, _parameters, _path: "*"
    rest_models: Sequence[str] = ()
    needs: Needs = lambda _action, _parameters: []


_AUTHORIZATION = {
    "sagemaker": _Authorization(
        resource_arn=sagemaker_arn,
        rest_models=("sagemaker-runtime", "sagemaker-featurestore-runtime", "sagemaker-metrics"),
        needs=passed_roles,
    ),
    "application-autoscaling": _Authorization(
        resource_arn=autoscaling_arn, needs=autoscaling_needs
    ),
}


def register_service(
    name: str,
    handler: Handler,
    *,
    json_target_prefix: str | None,
    path_prefixes: Sequence[str] = (),
    credential_scopes: Sequence[str] = (),
) -> None:
    """Serve `name`, which is also its signing name and its IAM prefix.

    `handler` is called on a thread of its own with account and region set, and may block. Under
    enforcement a call needs `name:<Action>` on the resource it names, and what goes with it
    (`caller_permissions`). JSON services are also there for aws-sdk tasks of state machines.
    """
    from ministack import app
    from ministack.core import responses, router
    from ministack.services import stepfunctions

    # The names of one process are few, so an entry per service is all the routing there is.
    router.SERVICE_PATTERNS[name] = {
        "target_prefixes": [f"{json_target_prefix.rstrip('.')}."] if json_target_prefix else []
    }
    for scope in (name, *credential_scopes):
        _scopes[scope] = name
    for prefix in path_prefixes:
        _paths[prefix] = name
    # ministack rewrites content types by the service's protocol; ours sets its own, per answer.
    responses._BOTOCORE_NAME[name] = "no-such-model"
    names.add(name)
    authorization = _AUTHORIZATION.get(name, _Authorization())
    app.SERVICE_HANDLERS[name] = _door(handler, authorization.needs)
    enforce_service(name, models=authorization.rest_models, resource_arn=authorization.resource_arn)
    if json_target_prefix:
        sdk_name = name.replace("-", "")  # as aws-sdk task resources spell it
        stepfunctions._AWS_SDK_SERVICE_MAP[sdk_name] = {
            "protocol": "json",
            "target_prefix": json_target_prefix.rstrip("."),
            "service_key": name,
        }


def install() -> None:
    """Route by credential scope and path to our services before ministack guesses."""
    from ministack import app
    from ministack.core import router

    others = router.detect_service

    def detect_service(
        method: str, path: str, headers: dict[str, str], query_params: dict[str, Any]
    ) -> Any:
        if not headers.get("x-amz-target"):
            signed = _SCOPE.search(headers.get("authorization", ""))
            if signed and signed.group(1) in _scopes:
                return _scopes[signed.group(1)]
            for prefix, name in _paths.items():
                if not signed and path.startswith(prefix):
                    return name
        return others(method, path, headers, query_params)

    router.detect_service = detect_service
    app.detect_service = detect_service


def _door(
    handler: Handler, needs: Needs
) -> Callable[..., Awaitable[tuple[int, dict[str, str], Any]]]:
    async def handle(
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
    ) -> tuple[int, dict[str, str], Any]:
        from ministack.core.iam_evaluator import caller_arn
        from ministack.core.responses import StreamingResponse

        target = headers.get("x-amz-target", "")
        request = Request(
            method=method,
            path=path,
            headers=headers,
            body=body.encode() if isinstance(body, str) else body,
            query={
                key: value[0] if isinstance(value, list) and value else str(value)
                for key, value in query_params.items()
            },
            action=target.rpartition(".")[2] or None,
            caller=caller_arn() or "",
        )
        response: Response = await run_on_worker(_answer, handler, request, needs)
        if isinstance(response.body, bytes):
            return response.status, dict(response.headers), response.body
        runner = _runner(response.body)
        return response.status, dict(response.headers), StreamingResponse(runner)

    return handle


def _answer(handler: Handler, request: Request, needs: Needs) -> Response:
    if process.settings().enforce:
        refusal = _refusal(request, needs)
        if refusal:
            return refusal
    try:
        return handler(request)
    except Exception as error:
        log.exception("%s %s failed", request.action or request.method, request.path)
        return _json_error(500, "InternalFailure", f"{type(error).__name__}: {error}")


def _refusal(request: Request, needs: Needs) -> Response | None:
    """The answer to a caller who lacks something besides the call itself."""
    wanted = (
        needs(request.action, parameters(request.body))
        if request.action
        else invoked_component(request.headers)
    )
    if not wanted:
        return None
    from ministack.core.router import extract_access_key_id

    access_key = extract_access_key_id(dict(request.headers), {})
    if access_key == "test":  # Step Functions calls in process; the task's role was asked there
        return None
    for need in wanted:
        denial = caller_denial(access_key, need.action, need.resource, context=need.context)
        if denial:
            return _json_error(400, "AccessDeniedException", denial.message)
    return None


def _json_error(status: int, code: str, message: str) -> Response:
    return Response(
        status=status,
        headers={"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code},
        body=json.dumps({"__type": code, "message": message}).encode(),
    )


def _runner(pieces: Iterator[bytes]) -> Callable[[Any, Any], Awaitable[None]]:
    async def run(send: Any, _receive: Any) -> None:
        try:
            while (piece := await run_on_worker(next, pieces, None)) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            close = getattr(pieces, "close", None)
            if close:
                await asyncio.to_thread(close)

    return run
