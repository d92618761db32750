"""Clients of this very server, as the account's root or as a role of it."""

import json
import threading
import time
from typing import Any
from urllib.parse import unquote

import boto3
from botocore.config import Config

from local_aws.adapter import process

_SESSION_SECONDS = 3600  # STS's own default
_REFRESH_SECONDS = 1800
_lock = threading.RLock()
_clients: dict[tuple[str, str | None, str], tuple[float, Any]] = {}
_sessions: dict[tuple[str, str], tuple[float, dict[str, str]]] = {}


def client(service: str, *, role_arn: str | None = None, session_name: str = "local-aws") -> Any:
    """A boto3 client of this server, signed as root or with the role's own session.

    Call it from worker threads only: the event loop cannot answer a call it waits for.
    """
    key = (service, role_arn, session_name)
    with _lock:
        made = _clients.get(key)
        if made and (role_arn is None or made[0] > time.monotonic() - _REFRESH_SECONDS):
            return made[1]
        new = _client(
            service, role_credentials(role_arn, session_name=session_name) if role_arn else None
        )
        _clients[key] = (time.monotonic(), new)
        return new


def role_credentials(role_arn: str, *, session_name: str) -> dict[str, str]:
    """The environment variables that make a process act as the role.

    The account's key may assume any role whatever its trust policy says; whether a service may is
    `role_trusts`. Raises botocore's ClientError when there is no such role.
    """
    key = (role_arn, session_name)
    with _lock:
        made = _sessions.get(key)
        if made and made[0] > time.monotonic() - _REFRESH_SECONDS:
            return dict(made[1])
    client("iam").get_role(RoleName=role_name(role_arn))
    answer = client("sts").assume_role(
        RoleArn=role_arn, RoleSessionName=session_name, DurationSeconds=_SESSION_SECONDS
    )["Credentials"]
    variables = {
        "AWS_ACCESS_KEY_ID": str(answer["AccessKeyId"]),
        "AWS_SECRET_ACCESS_KEY": str(answer["SecretAccessKey"]),
        "AWS_SESSION_TOKEN": str(answer["SessionToken"]),
    }
    with _lock:
        _sessions[key] = (time.monotonic(), variables)
    return dict(variables)


def role_trusts(role_arn: str, service_principal: str) -> bool:
    """Whether the role exists and its trust policy lets the service assume it."""
    iam = client("iam")
    try:
        role = iam.get_role(RoleName=role_name(role_arn))["Role"]
    except iam.exceptions.NoSuchEntityException:
        return False
    return trusts(role["AssumeRolePolicyDocument"], service_principal)


def trusts(document: Any, service_principal: str) -> bool:
    """Whether a trust policy, its text or the object in it, lets the service assume its role."""
    if isinstance(document, str):
        document = json.loads(unquote(document))
    statements = document.get("Statement", [])
    matching = [
        statement
        for statement in (statements if isinstance(statements, list) else [statements])
        if _covers(statement.get("Action"), "sts:assumerole")
        and _names(statement.get("Principal"), service_principal)
    ]
    if any(statement.get("Effect") == "Deny" for statement in matching):
        return False
    return any(statement.get("Effect") == "Allow" for statement in matching)


def role_name(role_arn: str) -> str:
    """The name at the end of a role's ARN, its path left out."""
    return role_arn.rsplit("/", 1)[-1]


def _client(service: str, credentials: dict[str, str] | None) -> Any:
    credentials = credentials or {
        "AWS_ACCESS_KEY_ID": process.account(),
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    # A session of its own: boto3's default one is shared, and making clients from it is not safe
    # between threads.
    session = boto3.session.Session(
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
        region_name=process.region(),
    )
    return session.client(  # type: ignore[call-overload]  # the service's name is data here
        service,
        endpoint_url=process.endpoint_url(),
        config=Config(
            retries={"total_max_attempts": 2},
            s3={"addressing_style": "path"},
            proxies={},
            max_pool_connections=32,
            read_timeout=120,
        ),
    )


def _covers(actions: Any, action: str) -> bool:
    return any(str(item).lower() in (action, "sts:*", "*") for item in _list(actions))


def _names(principal: Any, service_principal: str) -> bool:
    if principal == "*":
        return True
    services = _list(principal.get("Service")) if isinstance(principal, dict) else []
    return service_principal in services


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
