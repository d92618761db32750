"""The ARNs that policies on SageMaker and Application Auto Scaling calls are matched against."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from local_aws.adapter import process

_VERBS = re.compile(
    r"^(?:BatchDelete|BatchDescribe|Create|Delete|Describe|Get|Put|Send|Start|Stop|Update|Retry)"
)
_REST_RESOURCE = re.compile(r"^/(endpoints)/([^/]+)/")
_UNNAMED = {"UpdateEndpointWeightsAndCapacities": "Endpoint"}


def sagemaker_arn(action: str, parameters: Mapping[str, Any], path: str) -> str:
    """The one resource a call is about, `*` when it is about none (lists, metrics).

    SageMaker writes names in ARNs in lower case.
    """
    endpoint = _REST_RESOURCE.match(path)
    if endpoint:
        return _arn("sagemaker", "endpoint", unquote(endpoint.group(2)))
    if parameters.get("ResourceArn"):
        return str(parameters["ResourceArn"])
    if action == "CreateModelPackage" and parameters.get("ModelPackageGroupName"):
        group = str(parameters["ModelPackageGroupName"])
        # Versions are numbered by the service, so a caller can only be allowed all of a group.
        return (
            group if group.startswith("arn:") else _arn("sagemaker", "model-package", f"{group}/*")
        )
    noun = _UNNAMED.get(action) or _VERBS.sub("", action)
    if noun == action:
        return "*"
    for member in (f"{noun}Arn", f"{noun}Name"):
        value = parameters.get(member)
        if isinstance(value, str) and value:
            return value if value.startswith("arn:") else _arn("sagemaker", _kebab(noun), value)
    if noun == "PipelineExecution" and parameters.get("PipelineName"):
        name = str(parameters["PipelineName"])
        return name if name.startswith("arn:") else _arn("sagemaker", "pipeline", name)
    return "*"


def autoscaling_arn(action: str, parameters: Mapping[str, Any], path: str) -> str:
    """Scalable targets as a whole: their ids are made by the service, Describe calls take none."""
    if parameters.get("ResourceARN"):
        return str(parameters["ResourceARN"])
    if action.startswith("Describe"):
        return "*"
    return _arn("application-autoscaling", "scalable-target", "*")


def _arn(service: str, kind: str, name: str) -> str:
    return f"arn:aws:{service}:{process.region()}:{process.account()}:{kind}/{name.lower()}"


def _kebab(noun: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", noun).lower()
