"""Endpoints by name: which there are, of what kind, and which of their components is meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ops import aws
from ops.errors import OpsError
from ops.settings import Deployment


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """An endpoint by its full name, which of the kinds it is, and the component that is asked."""

    name: str
    kind: str  # "real-time" | "serverless" | "async" | "components"
    status: str
    results: str = ""  # where an asynchronous endpoint writes, an S3 URI
    component: str = ""  # an inference component's full name; empty where there are none

    @property
    def asked(self) -> str:
        """The name of what answers: the component's where there are some, else the endpoint's."""
        return self.component or self.name

    @property
    def log_group(self) -> str:
        """Where the containers write."""
        kind = "InferenceComponents" if self.component else "Endpoints"
        return f"/aws/sagemaker/{kind}/{self.asked}"

    @property
    def target(self) -> dict[str, str]:
        """What a request names it by."""
        named = {"InferenceComponentName": self.component} if self.component else {}
        return {"EndpointName": self.name, **named}


def resolve(deployment: Deployment, name: str, component: str = "") -> Endpoint:
    """The endpoint called `name`, and the component of it, by short names or by full ones."""
    endpoint = _described(deployment, name)
    if endpoint.kind != "components":
        if component:
            raise OpsError(
                f"{endpoint.name} has no inference components, {component!r} neither",
                fix="ask it without COMPONENT",
            )
        return endpoint
    known = _components(endpoint.name)
    meant = next((k for k in known if component in (k, _short(k, endpoint.name))), None)
    if component and meant:
        return replace(endpoint, component=meant)
    raise OpsError(
        f"{endpoint.name} has no inference component called {component!r}"
        if component
        else f"{endpoint.name} serves inference components: a request names one",
        fix=f"its own are: {', '.join(_short(k, endpoint.name) for k in known) or 'none'}"
        " (COMPONENT=<name>)",
    )


def askable(deployment: Deployment, name: str) -> list[Endpoint]:
    """The endpoint called `name`; one that serves components once for each of them."""
    endpoint = _described(deployment, name)
    if endpoint.kind != "components":
        return [endpoint]
    return [replace(endpoint, component=one) for one in _components(endpoint.name)]


def kind_of(config: dict[str, Any]) -> str:
    """Which kind of endpoint a configuration makes."""
    if config.get("AsyncInferenceConfig"):
        return "async"
    first: dict[str, Any] = (config.get("ProductionVariants") or [{}])[0]
    if first.get("ServerlessConfig"):
        return "serverless"
    return "real-time" if first.get("ModelName") else "components"


def _described(deployment: Deployment, name: str) -> Endpoint:
    from botocore.exceptions import ClientError

    sagemaker = aws.client("sagemaker")
    known = aws.published_under(deployment, "endpoints")
    full = known.get(name, name)
    try:
        found = sagemaker.describe_endpoint(EndpointName=full)
    except ClientError as fault:
        message = aws.error_message(fault)
        if "ould not find" not in message and "does not exist" not in message:
            raise
        if name in known:
            raise OpsError(
                f"the endpoint {full} does not exist: no model has been approved for it, or it is"
                " stopped",
                fix="make upload FILE=<data.csv>, then make approve; or"
                f" make start ENDPOINT={name}",
            ) from fault
        raise OpsError(
            f"there is no endpoint called {name!r}",
            fix="the workflow's own are: " + (", ".join(known) or "none"),
        ) from fault
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    output = (config.get("AsyncInferenceConfig") or {}).get("OutputConfig") or {}
    return Endpoint(
        name=full,
        kind=kind_of(config),
        status=str(found["EndpointStatus"]),
        results=str(output.get("S3OutputPath") or ""),
    )


def _components(endpoint: str) -> list[str]:
    pages = aws.client("sagemaker").get_paginator("list_inference_components")
    return sorted(
        str(one["InferenceComponentName"])
        for page in pages.paginate(EndpointNameEquals=endpoint)
        for one in page["InferenceComponents"]
    )


def _short(component: str, endpoint: str) -> str:
    return component.removeprefix(f"{endpoint}-")
