"""Shadow variants: copies of requests, sent aside, whose answers nobody waits for."""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from local_aws.adapter.types import Request
from local_aws.runtime.containers import Invocation, RuntimeFailure, Throttled, Timeout
from local_aws.sagemaker import invocation_metrics
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Slot

_AT_ONCE = 16  # copies that wait for an answer at the same time, of all endpoints together
_MOST_WAITING = 256  # a shadow slower than production loses copies beyond this, not memory

_workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="shadow")
_room = threading.BoundedSemaphore(_MOST_WAITING)
Answered = Callable[[Slot, Invocation], None]


def mirror(endpoint: Endpoint, slot: Slot, request: Request, answered: Answered) -> None:
    """A copy of the request is on its way to the slot's shadow, if it is in the shadow's share.

    The share is the shadow's weight over the production variant's, all at most. What the shadow
    answers or fails with shows in its own metrics only; `answered` gets its answer.
    """
    shadow = slot.mirror
    share = min(1.0, shadow.weight / slot.weight) if shadow and slot.weight else 0.0
    if shadow is None or not shadow.sampler.take(share):
        return
    if not _room.acquire(blocking=False):
        invocation_metrics.failed(endpoint.name, shadow)
        return
    endpoint.hold(shadow)
    context = contextvars.copy_context()
    _workers.submit(context.run, _send, endpoint, shadow, request, answered)


def _send(endpoint: Endpoint, shadow: Slot, request: Request, answered: Answered) -> None:
    try:
        answer = shadow.variant.invoke(request.body, request.headers)
        invocation_metrics.publish(endpoint.name, shadow, answer)
        if answer.status < 400:
            answered(shadow, answer)
    except (RuntimeFailure, Throttled, Timeout):
        invocation_metrics.failed(endpoint.name, shadow)
    finally:
        endpoint.release(shadow)
        _room.release()
