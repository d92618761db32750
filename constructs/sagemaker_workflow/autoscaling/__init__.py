"""Capacity of an endpoint that follows its load."""

from sagemaker_workflow.autoscaling.construct import EndpointScaling
from sagemaker_workflow.autoscaling.spec import Follows, Metric, Scaling, Schedule

__all__ = ["EndpointScaling", "Follows", "Metric", "Scaling", "Schedule"]
