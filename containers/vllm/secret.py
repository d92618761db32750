"""The hub's token, read from Secrets Manager when the container starts.

It never stands in the model's environment, which whoever may describe the model can read.
"""

from __future__ import annotations

import json
from typing import Any

from vllm.errors import WrapperError

VARIABLE = "HF_TOKEN_SECRET_ARN"
_PARTS = 7


def read_token(arn: str) -> str:
    """The secret's text. Raises WrapperError naming the secret, and why it cannot be read."""
    parts = arn.split(":")
    if len(parts) != _PARTS or parts[2] != "secretsmanager":
        raise WrapperError(
            f"{VARIABLE} is {arn!r}, allowed is arn:aws:secretsmanager:<region>:<account>:secret:"
            "<name>: copy it from the secret"
        )
    # Half a second to import, and only a gated model needs it.
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    client: Any = botocore.session.get_session().create_client(
        "secretsmanager", region_name=parts[3]
    )
    try:
        text = client.get_secret_value(SecretId=arn).get("SecretString")
    except (BotoCoreError, ClientError) as fault:
        raise WrapperError(
            f"the token in {arn} cannot be read: {fault}: let the model's role read this secret, "
            "and make the model without network isolation"
        ) from None
    token = str(text or "").strip()
    if not token or token.startswith("{") or any(one.isspace() for one in token):
        kind = "JSON" if _is_json(token) else "no plain token"
        raise WrapperError(
            f"the secret {arn} holds {kind}, allowed is the token alone as text: store it as "
            "plain text"
        )
    return token


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
