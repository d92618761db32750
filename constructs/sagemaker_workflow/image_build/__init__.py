"""Images built in the account, while the stack is deployed."""

from sagemaker_workflow.image_build.construct import ImageBuilder

__all__ = ["ImageBuilder"]
