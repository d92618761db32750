"""Builds of images, as CodeBuild and ECR know them."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.exceptions import ClientError

Event = dict[str, Any]
# CloudFormation shows 1024 characters of a reason, and other words are in it too.
_LOG_LINES = 15
_LOG_CHARACTERS = 700
# What a finished build has to know to answer: a build keeps its variables, a function nothing.
_REQUEST = ("ResponseURL", "StackId", "RequestId", "LogicalResourceId")


def digest(repository: str, tag: str) -> str | None:
    """The digest of the image under this tag, None when there is none."""
    try:
        found = boto3.client("ecr").describe_images(
            repositoryName=repository, imageIds=[{"imageTag": tag}]
        )["imageDetails"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ImageNotFoundException":
            return None
        raise
    return str(found[0]["imageDigest"]) if found else None


def start(event: Event) -> str:
    """A build of what was asked for runs; it carries the request. Its id is returned."""
    wanted = event["ResourceProperties"]
    variables = {
        "CONTEXT": wanted["Context"],
        "REGISTRY": wanted["Registry"],
        "REPOSITORY": wanted["Repository"],
        "TAG": wanted["Tag"],
        "REQUEST": json.dumps({name: event[name] for name in _REQUEST}),
    }
    build = boto3.client("codebuild").start_build(
        projectName=wanted["Project"],
        # CloudFormation may ask twice for one thing; CodeBuild then starts it once.
        idempotencyToken=event["RequestId"],
        environmentVariablesOverride=[
            {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
        ],
    )["build"]
    return str(build["id"])


def describe(build_arn: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A build and its variables."""
    build_id = build_arn.partition(":build/")[2]
    build = boto3.client("codebuild").batch_get_builds(ids=[build_id])["builds"][0]
    found = build["environment"]["environmentVariables"]
    return build, {one["name"]: one["value"] for one in found}


def last_lines(build: dict[str, Any]) -> str:
    """The end of the build's log, and where the rest of it is."""
    log = build.get("logs", {})
    group, stream = log.get("groupName"), log.get("streamName")
    if not group or not stream:
        return "it has no log"
    try:
        events = boto3.client("logs").get_log_events(
            logGroupName=group, logStreamName=stream, limit=_LOG_LINES, startFromHead=False
        )["events"]
    except ClientError as error:
        return f"its log {group} {stream} cannot be read: {error.response['Error']['Code']}"
    lines = "\n".join(one["message"].rstrip() for one in events if one["message"].strip())
    return f"{lines[-_LOG_CHARACTERS:]}\n(log group {group}, stream {stream})"
