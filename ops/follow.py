"""Showing stack events under a step, the same way wherever stacks change."""

from __future__ import annotations

from ops.cloudformation import Event
from ops.ui import Step


def show(step: Step, stack: str, event: Event) -> None:
    """The stack's line says what it is doing."""
    state = "failed" if "FAILED" in event.status else "running"
    if event.is_stack and event.status.endswith("_COMPLETE"):
        state = "failed" if "ROLLBACK" in event.status else "done"
    what = "" if event.is_stack else f"  {event.logical_id}"
    step.line(stack, f"{event.status.lower().replace('_', ' ')}{what}", state)
