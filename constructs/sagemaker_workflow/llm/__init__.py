"""Large language models: the right server options per machine, and whether the model fits."""

from sagemaker_workflow.llm.architecture import Architecture, known_architectures
from sagemaker_workflow.llm.construct import LlmModel
from sagemaker_workflow.llm.fit import Fit, fit
from sagemaker_workflow.llm.image import LlmImage
from sagemaker_workflow.llm.spec import HubWeights, LlmServing

__all__ = [
    "Architecture",
    "Fit",
    "HubWeights",
    "LlmImage",
    "LlmModel",
    "LlmServing",
    "fit",
    "known_architectures",
]
