"""A trained model is looked at before it is registered."""

from sagemaker_workflow.training.inspection.construct import ModelInspection
from sagemaker_workflow.training.inspection.state import INSPECT, inspect_state

__all__ = ["INSPECT", "ModelInspection", "inspect_state"]
