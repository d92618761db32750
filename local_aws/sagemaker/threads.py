"""Work that goes on after the answer: a deployment, a job."""

import contextvars
import threading
from collections.abc import Callable


def spawn(name: str, work: Callable[[], None]) -> threading.Thread:
    """A started thread that sees the account and region of the request that caused it."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name=name, daemon=True)
    thread.start()
    return thread
