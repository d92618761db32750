"""Models: what an endpoint or a transform job runs."""

import copy
from collections.abc import Mapping
from typing import Any

from local_aws.sagemaker import containers, listing, roles, store, tags
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.errors import invalid

_LISTING = listing.Listing(
    result="Models", name="ModelName", summary=("ModelName", "ModelArn", "CreationTime")
)
_HIDDEN = "_container"  # the container resolved when the model was made; not part of the API


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The model exists: its role, image and artifact were there and readable."""
    name = params["ModelName"]
    model_arn = arn("model", name)
    if store.models.get(name) is not None:
        raise invalid(f'Cannot create already existing model "{model_arn}".')
    definition = _only_container(params)
    role = params.get("ExecutionRoleArn")
    if role is None:
        raise invalid("ExecutionRoleArn is required to host or transform with a model")
    container = containers.resolved(definition)
    roles.require_assumable(role)
    roles.require_image(role, container["Image"])
    _require_artifact(role, container)
    record = {k: v for k, v in params.items() if k != "Tags"}
    record |= {"ModelArn": model_arn, "CreationTime": store.now(), _HIDDEN: container}
    record.setdefault("EnableNetworkIsolation", False)
    if not store.models.add(name, record):
        raise invalid(f'Cannot create already existing model "{model_arn}".')
    tags.attach(model_arn, params.get("Tags"))
    return {"ModelArn": model_arn}


def describe(params: dict[str, Any]) -> dict[str, Any]:
    record = copy.deepcopy(require(params["ModelName"]))
    del record[_HIDDEN]
    return record


def delete(params: dict[str, Any]) -> dict[str, Any]:
    """The model is gone. Endpoints that run it keep running, as on the service."""
    model = require(params["ModelName"])
    store.models.remove(model["ModelName"])
    tags.detach(model["ModelArn"])
    return {}


def listed(params: dict[str, Any]) -> dict[str, Any]:
    return listing.answer(_LISTING, store.models, params)


def require(name: str) -> dict[str, Any]:
    record = store.models.get(name)
    if record is None:
        raise invalid(f'Could not find model "{arn("model", name)}".')
    return record


def container(model: Mapping[str, Any]) -> dict[str, Any]:
    """The model's container with image, artifact and environment."""
    return dict(model[_HIDDEN])


def _only_container(params: Mapping[str, Any]) -> Mapping[str, Any]:
    given = [k for k in ("PrimaryContainer", "Containers") if params.get(k)]
    if len(given) != 1:
        raise invalid("A model needs exactly one of PrimaryContainer and Containers")
    if given == ["Containers"]:
        if len(params["Containers"]) > 1:
            raise invalid("Inference pipelines (several Containers) are not served locally")
        return dict(params["Containers"][0])
    return dict(params["PrimaryContainer"])


def _require_artifact(role: str, definition: Mapping[str, Any]) -> None:
    url, source = definition.get("ModelDataUrl"), definition.get("ModelDataSource")
    if url and source:
        raise invalid("A container takes either ModelDataUrl or ModelDataSource, not both")
    if url and not url.endswith(".tar.gz") and definition.get("Mode") != "MultiModel":
        raise invalid(f"ModelDataUrl must be one .tar.gz file, got {url}")
    if source:
        url = source["S3DataSource"]["S3Uri"]
        prefix = source["S3DataSource"]["S3DataType"] == "S3Prefix"
        if prefix and not url.endswith("/"):
            raise invalid(f"S3Uri of an S3Prefix must end with a forward slash, got {url}")
    if url:
        roles.require_model_data(role, url)
