"""Work that goes on after the answer: a deployment, a job."""

import contextvars
import logging
import threading
from collections.abc import Callable

from botocore.exceptions import ClientError

from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker.errors import ServiceError

log = logging.getLogger("local_aws")


def spawn(name: str, work: Callable[[], None]) -> threading.Thread:
    """A started thread that sees the account and region of the request that caused it."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name=name, daemon=True)
    thread.start()
    return thread


def reason_of(work: Callable[[], object]) -> str | None:
    """Why the work failed, None when it did not. A thread has no caller to raise to."""
    try:
        work()
    except RuntimeFailure as failure:
        return failure.reason
    except ServiceError as error:
        return error.message
    except ClientError as error:
        return str(error)
    except Exception as error:
        log.exception("%s failed inside", threading.current_thread().name)
        return f"InternalFailure: {type(error).__name__}: {error}"
    return None
