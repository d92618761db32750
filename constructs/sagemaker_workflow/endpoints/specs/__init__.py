"""What an endpoint is asked to be, as values: one file a concern."""

from sagemaker_workflow.autoscaling import Scaling
from sagemaker_workflow.endpoints.specs.capacity import Instances, Serverless
from sagemaker_workflow.endpoints.specs.capture import Capture
from sagemaker_workflow.endpoints.specs.operations import Operations
from sagemaker_workflow.endpoints.specs.results import AsyncResults
from sagemaker_workflow.endpoints.specs.rollout import Rollout, Strategy

__all__ = [
    "AsyncResults",
    "Capture",
    "Instances",
    "Operations",
    "Rollout",
    "Scaling",
    "Serverless",
    "Strategy",
]
