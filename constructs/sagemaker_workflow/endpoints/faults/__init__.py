"""What the service would refuse about an endpoint, said before anything is deployed."""

from sagemaker_workflow.endpoints.faults.capacity import (
    check_instances,
    check_processor,
    pooled_types,
    possible_types,
)
from sagemaker_workflow.endpoints.faults.data import check_capture, check_metrics, check_results
from sagemaker_workflow.endpoints.faults.endpoint import check_name, check_stack
from sagemaker_workflow.endpoints.faults.rollout import check_rollout
from sagemaker_workflow.endpoints.faults.scaling import check_scaling
from sagemaker_workflow.endpoints.faults.serverless import (
    check_serverless,
    check_serverless_scaling,
)
from sagemaker_workflow.endpoints.faults.variants import (
    check_choice,
    check_shadow,
    check_variants,
)

__all__ = [
    "check_capture",
    "check_choice",
    "check_instances",
    "check_metrics",
    "check_name",
    "check_processor",
    "check_results",
    "check_rollout",
    "check_scaling",
    "check_serverless",
    "check_serverless_scaling",
    "check_shadow",
    "check_stack",
    "check_variants",
    "pooled_types",
    "possible_types",
]
