"""Batch transform: predictions for everything under a prefix."""

from sagemaker_workflow.batch_transform.construct import BatchTransform
from sagemaker_workflow.batch_transform.spec import Schedule, TransformFleet, TransformJob

__all__ = ["BatchTransform", "Schedule", "TransformFleet", "TransformJob"]
