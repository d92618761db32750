"""CloudFormation parameters: what an operator overrides at deployment, as safe as the default."""

from stacks.parameters.capacity import capacity, copies
from stacks.parameters.models import (
    active,
    challenger_package,
    component_package,
    is_challenged,
    is_given,
    is_served,
    model_package,
)
from stacks.parameters.serverless import Concurrency, serverless
from stacks.parameters.shares import capture_sampling, challenger_weight
from stacks.parameters.values import IMAGE_TAG, choice, count, email, switch, text

__all__ = [
    "IMAGE_TAG",
    "Concurrency",
    "active",
    "capacity",
    "capture_sampling",
    "challenger_package",
    "challenger_weight",
    "choice",
    "component_package",
    "copies",
    "count",
    "email",
    "is_challenged",
    "is_given",
    "is_served",
    "model_package",
    "serverless",
    "switch",
    "text",
]
