"""Datasets in, registered models out."""

from sagemaker_workflow.training.definition import Job
from sagemaker_workflow.training.images import Images
from sagemaker_workflow.training.registry import ModelPackageGroup
from sagemaker_workflow.training.workflow import Buckets, PreprocessAndTrain

__all__ = ["Buckets", "Images", "Job", "ModelPackageGroup", "PreprocessAndTrain"]
