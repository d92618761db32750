"""What is served: a container, several of them, or an approved package of the registry."""

from sagemaker_workflow.model.construct import Model
from sagemaker_workflow.model.spec import ModelContainer, ModelNetwork, ModelPackage

__all__ = ["Model", "ModelContainer", "ModelNetwork", "ModelPackage"]
