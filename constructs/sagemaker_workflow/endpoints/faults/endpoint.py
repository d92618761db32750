"""What is wrong with an endpoint of any kind."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import IConstruct

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.model import Model


def check_name(name: str, faults: Faults) -> None:
    if not known(name):
        faults.add(
            "name is known at deployment only, allowed is a literal: permissions and the log "
            "group are made from it; write it, or leave it out for a generated one"
        )
    elif fault := limits.name_fault(name):
        faults.add(fault)


def check_stack(endpoint: IConstruct, model: Model, faults: Faults) -> None:
    if model.condition is not None and Stack.of(model) is not Stack.of(endpoint):
        faults.add(
            "the model has a condition and is in another stack, whose conditions cannot be used "
            "here: make the model in the endpoint's stack"
        )
