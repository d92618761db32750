"""Application Auto Scaling of this machine, for SageMaker endpoints."""

import json

from local_aws import adapter
from local_aws.adapter import Request, Response
from local_aws.autoscaling import resources, watch
from local_aws.autoscaling.errors import ServiceError
from local_aws.autoscaling.operations import OPERATIONS
from local_aws.autoscaling.store import STORE
from local_aws.validation import ValidationError, validate

__all__ = ["register", "registered"]


def register() -> None:
    """The service answers, CloudFormation knows its types, and policies are carried out."""
    adapter.register_service(
        resources.SERVICE, handle, json_target_prefix="AnyScaleFrontendService"
    )
    adapter.register_cloudformation_type(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        create=resources.create_target,
        update=resources.update_target,
        delete=resources.delete_target,
    )
    adapter.register_cloudformation_type(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        create=resources.create_policy,
        update=resources.update_policy,
        delete=resources.delete_policy,
    )
    watch.start()


def registered(resource_id: str, dimension: str | None = None) -> bool:
    """Whether the resource is a registered scalable target, of this dimension or of any.

    SageMaker refuses to change the instance type of a variant that is.
    """
    return any(key[0] == resource_id and dimension in (None, key[1]) for key in list(STORE.targets))


def handle(request: Request) -> Response:
    """The answer to one call of the service's JSON protocol."""
    operation = OPERATIONS.get(request.action or "")
    if operation is None:
        return _error("UnknownOperationException", f"{request.action} is not done locally")
    try:
        given = json.loads(request.body or b"{}")
        validate(resources.SERVICE, str(request.action), given)
        return _answer(200, operation(given))
    except json.JSONDecodeError as error:
        return _error("SerializationException", str(error))
    except (ServiceError, ValidationError) as error:
        return _error(error.code, error.message)


def _error(code: str, message: str) -> Response:
    return _answer(400, {"__type": code, "message": message})


def _answer(status: int, body: dict[str, object]) -> Response:
    return Response(
        status=status,
        headers={"Content-Type": "application/x-amz-json-1.1"},
        body=json.dumps(body).encode(),
    )
