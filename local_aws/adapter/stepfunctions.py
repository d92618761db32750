"""Tasks of ours in ministack's Step Functions, done only when the state machine's role may."""

import contextvars
import logging
import re
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from local_aws.adapter import (
    distributed_map,
    executions,
    object_tasks,
    process,
    sdk_errors,
    services,
)
from local_aws.adapter.permissions import parameters, role_denial
from local_aws.adapter.running_task import RunningTask, in_time
from local_aws.adapter.task_permissions import Need, error_name, needs, role_hand_overs
from local_aws.adapter.types import StateTask, StateTaskError
from local_aws.validation import service_model

log = logging.getLogger("local_aws")

_PREFIX = "arn:aws:states:::"
_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")

_task: contextvars.ContextVar[RunningTask | None] = contextvars.ContextVar(
    "state_task", default=None
)
_tasks: dict[str, StateTask] = {}


def register_state_task(resource: str, fn: StateTask) -> None:
    """Do optimised tasks `arn:aws:states:::<resource>`, with and without `.sync`, by calling `fn`.

    `resource` is `sagemaker:createTrainingJob`. `fn` gets the resource as the state machine wrote
    it, the task's parameters and a stop flag; it may block. It raises StateTaskError to fail the
    task; anything else it raises becomes `States.TaskFailed`, which Retry and Catch also see.
    """
    from ministack.services import stepfunctions

    _tasks[f"{_PREFIX}{resource}"] = fn
    stepfunctions._SERVICE_DISPATCH[f"{_PREFIX}{resource}"] = _perform


def install() -> None:
    """Follow each task from its state machine to its calls, and ask the role before every one."""
    from ministack import app
    from ministack.services import stepfunctions

    stepfunctions._AWS_SDK_SERVICE_MAP["cloudformation"] = {"protocol": "query"}
    executions.install()
    object_tasks.install()
    distributed_map.install(_role_of)

    execute = stepfunctions._execute_task

    def execute_task(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
        token = _task.set(RunningTask(execution=execution, role_arn=_role_of(execution)))
        try:
            return execute(state, raw_input, execution, context)
        finally:
            _task.reset(token)

    stepfunctions._execute_task = execute_task

    invoke, invoke_callback = (
        stepfunctions._invoke_resource,
        stepfunctions._invoke_with_callback,
    )

    def invoke_resource(resource: str, given: Any) -> Any:
        _enter(resource, given)
        return invoke(resource, given)

    def invoke_with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
        _enter(resource, given)
        return invoke_callback(resource, given, token, state)

    stepfunctions._invoke_resource = invoke_resource
    stepfunctions._invoke_with_callback = invoke_with_callback

    timed = stepfunctions._invoke_resource_with_timeout

    def invoke_with_timeout(resource: str, given: Any, timeout: float) -> Any:
        task = _task.get()
        if task is not None:
            _task.set(task.within(float(timeout)))
        return timed(resource, given, timeout)

    stepfunctions._invoke_resource_with_timeout = invoke_with_timeout

    fail, retrier = stepfunctions._fail_execution, stepfunctions._find_matching_retrier

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":  # one that was aborted stays aborted
            fail(execution, error, cause)

    stepfunctions._fail_execution = fail_execution

    def find_matching_retrier(retriers: Any, error: str, counts: Any) -> Any:
        task = _task.get()
        if task is not None and task.ended():
            return None, -1  # nobody waits for another try
        return retrier(retriers, error, counts)

    stepfunctions._find_matching_retrier = find_matching_retrier

    call = app.call_service_handler_sync

    def call_service_handler_sync(
        handler: Any,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | str,
        query_params: dict[str, Any],
        timeout: float | None = None,
    ) -> Any:
        task = _task.get()
        sdk_service = _sdk_service(task)
        if task is not None and sdk_service:
            _ask_for_call(task, sdk_service, method, path, headers, body, query_params)
        answer = call(handler, method, path, headers, body, query_params, timeout)
        if sdk_service and answer[0] >= 400 and sdk_errors.named(sdk_service):
            raise stepfunctions._ExecutionError(
                *sdk_errors.sdk_error(sdk_service, answer[0], answer[2])
            )
        return answer

    app.call_service_handler_sync = call_service_handler_sync

    shape_by = stepfunctions._service_model
    # Our services hide their model from ministack's content types, not from its Step Functions.
    stepfunctions._service_model = lambda name: (
        service_model(name) if name in services.names else shape_by(name)
    )


def _perform(resource: str, given: dict[str, Any]) -> dict[str, Any]:
    from ministack.services import stepfunctions

    # ministack picks by prefix: createEndpoint would also be asked for createEndpointConfig.
    fn = _tasks.get(resource.partition(".")[0])
    if fn is None:
        raise stepfunctions._ExecutionError("States.Runtime", f"{resource} is not known here")
    try:
        return in_time(fn, resource, given, _task.get())
    except StateTaskError as error:
        raise stepfunctions._ExecutionError(error.error, error.cause) from error
    except ClientError as error:
        raise stepfunctions._ExecutionError(error_name(resource), str(error)) from error
    except Exception as error:
        log.exception("%s failed", resource)
        # Any other exception would end the execution past its Retry and Catch.
        raise stepfunctions._ExecutionError("States.TaskFailed", str(error)) from error


def _enter(resource: str, given: Any) -> None:
    task = _task.get()
    if task is None:
        return
    if task.ended():
        from ministack.services import stepfunctions

        raise stepfunctions._ExecutionError("States.TaskFailed", "the execution was aborted")
    _task.set(replace(task, resource=resource))
    if isinstance(given, dict):
        for need in needs(resource, given):
            _ask(task, need, lambda: error_name(resource))


def _ask_for_call(
    task: RunningTask,
    sdk_service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | str,
    query_params: dict[str, Any],
) -> None:
    """Ask for the action and resource of an aws-sdk call as the HTTP door reads them."""
    if not process.settings().enforce:
        return
    from ministack import app
    from ministack.core import iam_actions
    from ministack.services import stepfunctions

    signed = _SIGNED_FOR.search(headers.get("authorization", ""))
    if signed is None:
        return
    name, raw = signed.group(1), body.encode() if isinstance(body, str) else body
    given = app._routing_params(method, path, headers, raw, query_params)
    action = iam_actions.extract_iam_action(name, method, path, headers, raw, given)
    if action is None:
        return
    target = iam_actions.extract_resource_arn(
        name, method, path, headers, raw, given, process.region(), process.account()
    )
    prefix = stepfunctions._AWS_SDK_ERROR_PREFIX.get(sdk_service) or sdk_errors.prefix(sdk_service)
    keys = iam_actions.s3_service_context(action, given, path, headers) if name == "s3" else {}
    wanted = [Need(action=action, resource=target, context=keys)]
    if name == "sagemaker":
        wanted += role_hand_overs(parameters(raw))
    for need in wanted:
        _ask(task, need, lambda: f"{prefix}.{prefix}Exception")


def _ask(task: RunningTask, need: Need, error: Any) -> None:
    if not process.settings().enforce:
        return
    from ministack.services import stepfunctions

    denial = role_denial(
        task.role_arn,
        need.action,
        need.resource,
        context=need.context,
        session_name=str(task.execution.get("name", "execution"))[:64],
    )
    if denial:
        raise stepfunctions._ExecutionError(error(), denial.message)


def _role_of(execution: dict[str, Any]) -> str:
    """The role of the execution's state machine; a distributed map's child has its parent's."""
    from ministack.services import stepfunctions

    machine = stepfunctions._state_machines.get(execution["stateMachineArn"].partition("/")[0])
    return str((machine or {}).get("roleArn", ""))


def _sdk_service(task: RunningTask | None) -> str | None:
    if task is None or "aws-sdk:" not in task.resource:
        return None
    return task.resource.partition("aws-sdk:")[2].partition(":")[0].lower()
