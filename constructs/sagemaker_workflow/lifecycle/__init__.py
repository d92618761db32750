"""What an endpoint's stack asks while it is deployed: one function, for all that follows."""

from sagemaker_workflow.lifecycle.construct import EndpointLifecycle

__all__ = ["EndpointLifecycle"]
