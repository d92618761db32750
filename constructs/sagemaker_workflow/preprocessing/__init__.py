"""Uploads in, datasets out: what preprocesses, and the state machine that drives it."""

from sagemaker_workflow.preprocessing.backfill import Backfill
from sagemaker_workflow.preprocessing.function import PreprocessFunction
from sagemaker_workflow.preprocessing.ingest import Ingest
from sagemaker_workflow.preprocessing.spark import SparkEngine
from sagemaker_workflow.preprocessing.spark_job import SparkCluster

__all__ = ["Backfill", "Ingest", "PreprocessFunction", "SparkCluster", "SparkEngine"]
