"""Models: what an endpoint or a transform job runs."""

import copy
from collections.abc import Mapping
from typing import Any

from local_aws import adapter
from local_aws.sagemaker import containers, listing, roles, store, tags
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.errors import invalid

_LISTING = listing.Listing(
    result="Models", name="ModelName", summary=("ModelName", "ModelArn", "CreationTime")
)
_HIDDEN = "_containers"  # resolved when the model was made; not part of the API


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The model exists: its role, image and artifact were there and readable."""
    name = params["ModelName"]
    model_arn = arn("model", name)
    if store.models.get(name) is not None:
        raise invalid(f'Cannot create already existing model "{model_arn}".')
    definitions = _definitions(params)
    role = params.get("ExecutionRoleArn")
    if role is None:
        raise invalid("ExecutionRoleArn is required to host or transform with a model")
    found = _named([one for given in definitions for one in containers.resolved(given)])
    roles.require_assumable(role)
    for one in found:
        roles.require_image(role, one["Image"])
        _require_artifact(role, one)
    record = {k: v for k, v in params.items() if k != "Tags"}
    record |= {"ModelArn": model_arn, "CreationTime": store.now(), _HIDDEN: found}
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
    """The model's only container with image, artifact and environment.

    Raises ValidationException for a model of several: not everything takes those.
    """
    found = all_containers(model)
    if len(found) > 1:
        raise invalid(
            f"Model {model['ModelName']} has {len(found)} containers; only an endpoint's "
            "production variant runs several locally"
        )
    return found[0]


def all_containers(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The model's containers in order, each with its host name where there are several."""
    return copy.deepcopy(model[_HIDDEN])


def direct(model: Mapping[str, Any]) -> bool:
    """Whether a request goes to the one container it names, not through all (InferenceExecution).

    A pipeline is the default (API, InferenceExecutionConfig).
    """
    return bool(model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct")


def _definitions(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = [k for k in ("PrimaryContainer", "Containers") if params.get(k)]
    if len(given) != 1:
        raise invalid("A model needs exactly one of PrimaryContainer and Containers")
    return list(params["Containers"]) if given == ["Containers"] else [params["PrimaryContainer"]]


def _named(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The containers, with names by position where none has one (API, ContainerHostname)."""
    if len(found) == 1:
        found[0].pop("ContainerHostname", None)  # ignored, as the API says
        return found
    given = [one["ContainerHostname"] for one in found if "ContainerHostname" in one]
    if given and len(given) != len(found):
        raise invalid(
            "Either every container of a model has a ContainerHostname or none does: "
            f"{len(given)} of {len(found)} have one"
        )
    if len(set(given)) != len(given):
        raise invalid(f"ContainerHostname must be unique in a model, got {', '.join(given)}")
    for number, one in enumerate(found, start=1):
        one.setdefault("ContainerHostname", f"container-{number}")
    return found


def _require_artifact(role: str, definition: Mapping[str, Any]) -> None:
    url, source = definition.get("ModelDataUrl"), definition.get("ModelDataSource")
    if url and source:
        raise invalid("A container takes either ModelDataUrl or ModelDataSource, not both")
    if containers.multi_model(definition):
        _require_prefix(role, url, source)
        return
    if url and not url.endswith(".tar.gz"):
        raise invalid(f"ModelDataUrl must be one .tar.gz file, got {url}")
    if source:
        url = source["S3DataSource"]["S3Uri"]
        prefix = source["S3DataSource"]["S3DataType"] == "S3Prefix"
        if prefix and not url.endswith("/"):
            raise invalid(f"S3Uri of an S3Prefix must end with a forward slash, got {url}")
    if url:
        roles.require_model_data(role, url)


def _require_prefix(role: str, url: str | None, source: Any) -> None:
    """A multi-model container reads its archives later, with this role (contracts.md 2.4)."""
    if source or not url:
        raise invalid(
            "A container of mode MultiModel needs a ModelDataUrl, the prefix of its archives, and "
            "does not support ModelDataSource"
        )
    bucket, prefix = roles.split(url)
    resource = f"arn:aws:s3:::{bucket}/{prefix}*"
    denied = adapter.denied_actions(role, ["s3:GetObject"], resource)
    if denied:
        raise invalid(
            f'Could not access model data at {url}. Please ensure that the role "{role}" has '
            f'"{", ".join(denied)}" permissions on {resource}.'
        )
