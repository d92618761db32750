"""What every module of the app says: the place, the key, statements of policies."""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws

ACCOUNT, REGION = "111122223333", "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PARTITION, HERE = Aws.PARTITION, Aws.REGION  # calls into Node, so once
ALARM_ARNS = f"arn:{PARTITION}:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"


def allow(actions: str | list[str], on: Any, condition: Any = None) -> dict[str, Any]:
    """One statement of a policy."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": on}
    return {**statement, "Condition": condition} if condition else statement


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """The document of a policy."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(service: str, condition: Any = None) -> dict[str, Any]:
    """The document that lets a service assume a role."""
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": f"{service}.amazonaws.com"},
    }
    return policy({**statement, "Condition": condition} if condition else statement)
