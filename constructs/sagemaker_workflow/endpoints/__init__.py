"""Endpoints: real-time, serverless and asynchronous."""

from sagemaker_workflow.endpoints.asynchronous import AsyncEndpoint
from sagemaker_workflow.endpoints.base import Endpoint
from sagemaker_workflow.endpoints.realtime import RealtimeEndpoint
from sagemaker_workflow.endpoints.serverless import ServerlessEndpoint
from sagemaker_workflow.endpoints.specs import (
    AsyncResults,
    Capture,
    Instances,
    Metrics,
    Operations,
    Queues,
    Rollout,
    Routing,
    Scaling,
    Serverless,
    Shadow,
    Variant,
)

__all__ = [
    "AsyncEndpoint",
    "AsyncResults",
    "Capture",
    "Endpoint",
    "Instances",
    "Metrics",
    "Operations",
    "Queues",
    "RealtimeEndpoint",
    "Rollout",
    "Routing",
    "Scaling",
    "Serverless",
    "ServerlessEndpoint",
    "Shadow",
    "Variant",
]
