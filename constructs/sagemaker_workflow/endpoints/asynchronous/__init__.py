"""An endpoint that queues its requests."""

from sagemaker_workflow.endpoints.asynchronous.construct import AsyncEndpoint

__all__ = ["AsyncEndpoint"]
