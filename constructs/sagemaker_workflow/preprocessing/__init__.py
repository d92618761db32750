"""Uploads in, datasets out: the preprocessing function and the state machine that drives it."""

from sagemaker_workflow.preprocessing.function import PreprocessFunction
from sagemaker_workflow.preprocessing.ingest import Ingest

__all__ = ["Ingest", "PreprocessFunction"]
