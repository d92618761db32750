"""Execution roles that hold what they were granted, and nothing else."""

from sagemaker_workflow.roles.actions import Kind
from sagemaker_workflow.roles.construct import ExecutionRole

__all__ = ["ExecutionRole", "Kind"]
