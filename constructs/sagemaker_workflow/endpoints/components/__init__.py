"""Several models on one endpoint, each with copies of its own: inference components."""

from sagemaker_workflow.endpoints.components.component import InferenceComponent
from sagemaker_workflow.endpoints.components.construct import ComponentEndpoint
from sagemaker_workflow.endpoints.components.spec import (
    ComponentRollout,
    ComponentScaling,
    Copy,
    ManagedScaling,
)

__all__ = [
    "ComponentEndpoint",
    "ComponentRollout",
    "ComponentScaling",
    "Copy",
    "InferenceComponent",
    "ManagedScaling",
]
