"""Copies of a component started, and let go without losing a request."""

import contextvars
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker import store
from local_aws.sagemaker.inference_components.component import Component, Copy
from local_aws.sagemaker.inference_components.pool import Pool
from local_aws.sagemaker.inference_components.revision import Revision

_DRAIN_SECONDS = 60  # contracts.md 2.2: the longest a regular invocation may take


def grow(
    component: Component, revision: Revision, count: int, *, pool: Pool | None = None
) -> list[Copy]:
    """`count` more copies take requests; RuntimeFailure, with none of them left, when one fails.

    When fewer find room those are started, and the failure says that the rest did not.
    """
    place = pool or component.pool
    fresh: list[Copy] = []
    crowded: RuntimeFailure | None = None
    for _ in range(count):
        try:
            fresh.append(component.new_copy(revision, place))
        except RuntimeFailure as failure:
            crowded = failure
            break
    failures = together([partial(c.variant.start, component.stop) for c in fresh])
    if failures:
        _end(fresh)
        raise failures[0]
    with store.changed:
        stopped = component.stop.is_set()
        if not stopped:
            component.copies = [*component.copies, *fresh]
            store.changed.notify_all()
    if stopped:  # its copies were ended already, and these would stay
        _end(fresh)
        raise RuntimeFailure(f"Inference component {component.name} was stopped.")
    if crowded is not None:
        raise crowded
    return fresh


def retire(component: Component, leaving: Iterable[Copy]) -> None:
    """The copies are gone: they took no new request, and answered those they had."""
    ids = {copy.id for copy in leaving}
    with store.changed:
        gone = [copy for copy in component.copies if copy.id in ids]
        component.copies = [copy for copy in component.copies if copy.id not in ids]
        store.changed.notify_all()
    deadline = store.now() + _DRAIN_SECONDS
    store.wait_until(
        lambda: not any(copy.busy for copy in gone), stopped=lambda: store.now() > deadline
    )
    _end(gone)


def _end(copies: Sequence[Copy]) -> None:
    together([copy.variant.stop for copy in copies])
    for copy in copies:
        copy.pool_of_instances.release(copy.id)


def together(works: Sequence[Callable[[], None]]) -> list[BaseException]:
    """What failed of the works, done at the same time, each as if on this thread."""
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001  handed to the caller's thread
            failures.append(failure)

    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(run, work), daemon=True)
        for work in works
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
