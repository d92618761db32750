"""Batch transform: predictions for everything under a prefix."""

from sagemaker_workflow.batch_transform.construct import BatchTransform
from sagemaker_workflow.batch_transform.spec import TransformFleet, TransformJob

__all__ = ["BatchTransform", "TransformFleet", "TransformJob"]
