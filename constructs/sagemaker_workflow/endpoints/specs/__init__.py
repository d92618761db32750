"""What an endpoint is asked to be, as values: one file a concern."""

from sagemaker_workflow.autoscaling import Scaling
from sagemaker_workflow.endpoints.specs.capacity import Instances, Routing, Serverless
from sagemaker_workflow.endpoints.specs.capture import Capture
from sagemaker_workflow.endpoints.specs.operations import Metrics, Operations
from sagemaker_workflow.endpoints.specs.results import AsyncResults, Queues
from sagemaker_workflow.endpoints.specs.rollout import Rollout, Strategy
from sagemaker_workflow.endpoints.specs.variant import Shadow, Variant

__all__ = [
    "AsyncResults",
    "Capture",
    "Instances",
    "Metrics",
    "Operations",
    "Queues",
    "Rollout",
    "Routing",
    "Scaling",
    "Serverless",
    "Shadow",
    "Strategy",
    "Variant",
]
