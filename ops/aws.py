"""Clients for the AWS the person means: a real account, or the one on this machine."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

from ops import settings
from ops.errors import OpsError
from ops.local import server

_making = threading.Lock()  # a client may be used by several threads, a session may not


def use_local_if_meant() -> None:
    """The process talks to the AWS on this machine if the environment is `local`.

    An environment called `local` never reaches a real account by accident: without a running local
    AWS this refuses instead of falling back to whatever credentials are lying around.
    """
    if settings.environment_name() != "local" or os.environ.get("AWS_ENDPOINT_URL"):
        return
    running = server.running()
    if running is None:
        raise OpsError("no local AWS is running", fix="start it and deploy to it: make local")
    enter(running)


def enter(running: server.Server) -> None:
    """Every client and child process made from now on talks to this local AWS."""
    os.environ.update(running.environment())
    os.environ.pop("AWS_PROFILE", None)
    client.cache_clear()


@cache
def client(service: str) -> Any:
    """A boto3 client with patience for a busy machine; the same one each time."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    # 15 minutes: longer than any synchronous call of ours, a cold endpoint included.
    config = Config(
        retries={"mode": "standard", "max_attempts": 4},
        read_timeout=900,
        connect_timeout=10,
        max_pool_connections=32,
    )
    try:
        # By name: the typed stubs want a literal for each service.
        make: Any = boto3.client
        with _making:
            return make(service, config=config)
    except NoRegionError as fault:
        raise OpsError(
            "no AWS region is chosen", fix="export AWS_REGION=<region> (and credentials)"
        ) from fault


def error_code(error: Exception) -> str:
    """The service's own name of the error, empty for anything that is not a service's refusal."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def error_message(error: Exception) -> str:
    """The service's own sentence."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Message") or error)
    return str(error)


def published(deployment: settings.Deployment, path: str) -> str:
    """The value the workflow published in SSM under `path`; refuses with what to deploy first."""
    from botocore.exceptions import ClientError

    name = deployment.parameter(path)
    try:
        return str(client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as fault:
        if error_code(fault) != "ParameterNotFound":
            raise
        raise OpsError(
            f"nothing is published under {name}: that part of the workflow is not deployed",
            fix="make local" if deployment.env == "local" else f"make deploy ENV={deployment.env}",
        ) from fault


def published_under(deployment: settings.Deployment, path: str) -> dict[str, str]:
    """Everything published under a path, by the last part of its name."""
    pages = client("ssm").get_paginator("get_parameters_by_path")
    found: dict[str, str] = {}
    for page in pages.paginate(Path=deployment.parameter(path)):
        for entry in page["Parameters"]:
            found[str(entry["Name"]).rsplit("/", 1)[-1]] = str(entry["Value"])
    return dict(sorted(found.items()))
