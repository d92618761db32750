"""What happens by the clock: stacks switched off and on, state machines started."""

from sagemaker_workflow.schedules.active_hours import ActiveHours
from sagemaker_workflow.schedules.clock import Clock, Hours

__all__ = ["ActiveHours", "Clock", "Hours"]
