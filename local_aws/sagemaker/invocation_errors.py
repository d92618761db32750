"""What InvokeEndpoint answers when no good answer came."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local_aws import adapter
from local_aws.runtime.containers import (
    NoSuchModel,
    NotReady,
    RuntimeFailure,
    StreamRefused,
    Throttled,
    Timeout,
    Unavailable,
)
from local_aws.sagemaker import invocation_metrics
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Slot
from local_aws.sagemaker.errors import ServiceError, invalid_call

_LONGEST_MESSAGE = 2048  # contracts.md 2.3


@contextmanager
def translated(endpoint: Endpoint, slot: Slot) -> Iterator[None]:
    """What the runtime raises, as the caller's error."""
    try:
        yield
    except StreamRefused:
        raise  # an answer of the container's own, with a status and a body
    except Throttled as failure:
        invocation_metrics.refused(endpoint.name, slot)
        raise ServiceError("ThrottlingException", str(failure)) from failure
    except NotReady as failure:
        invocation_metrics.refused(endpoint.name, slot)
        raise ServiceError("ModelNotReadyException", str(failure), status=429) from failure
    except NoSuchModel as failure:
        invocation_metrics.refused(endpoint.name, slot)
        raise invalid_call(str(failure)) from failure
    except Timeout as failure:
        invocation_metrics.failed(endpoint.name, slot)
        container = failure.container or slot.variant.spec.container.name
        message = (
            "Your invocation timed out while waiting for a response from container "
            f"{container}. Review the latency metrics for each container "
            "in Amazon CloudWatch, resolve the issue, and try again."
        )
        raise model_error(
            endpoint.name, slot, 0, message.encode(), container=container
        ) from failure
    except Unavailable as failure:
        invocation_metrics.failed(endpoint.name, slot)
        raise ServiceError("ServiceUnavailable", failure.reason, status=503) from failure
    except RuntimeFailure as failure:
        invocation_metrics.failed(endpoint.name, slot)
        raise model_error(
            endpoint.name, slot, 500, failure.reason.encode(), container=failure.container
        ) from failure


def model_error(
    endpoint_name: str, slot: Slot, status: int, body: bytes, *, container: str | None = None
) -> ServiceError:
    """ModelError as InvokeEndpoint answers it, about the container (contracts.md 2.3)."""
    region, account = adapter.region(), adapter.account()
    group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
    text = body.decode(errors="replace")
    kind = "client" if 400 <= status < 500 else "server"
    console = (
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        f"#logEventViewer:group={group}"
    )
    message = (
        f"Received {kind} error ({status}) from {container or slot.variant.spec.container.name} "
        f'with message "{text}". See {console} in account {account} for more information.'
    )
    fields: Mapping[str, Any] = {
        "OriginalStatusCode": status,
        "OriginalMessage": text[:_LONGEST_MESSAGE],
        "LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{group}",
    }
    return ServiceError("ModelError", message[:_LONGEST_MESSAGE], status=424, fields=fields)
