"""CloudWatch Logs of the workflow: the last lines of what failed, and new lines as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from ops import aws

TAIL = 25
GROUPS = (
    "/aws/lambda/",
    "/aws/sagemaker/TrainingJobs",
    "/aws/sagemaker/ProcessingJobs",
    "/aws/sagemaker/TransformJobs",
    "/aws/sagemaker/Endpoints/",
    "/aws/vendedlogs/states/",
)


def groups(prefixes: tuple[str, ...] = GROUPS) -> list[str]:
    """The log groups there are, under any of the prefixes."""
    pages = aws.client("logs").get_paginator("describe_log_groups")
    found: list[str] = []
    for prefix in prefixes:
        for page in pages.paginate(logGroupNamePrefix=prefix):
            found += [str(g["logGroupName"]) for g in page["logGroups"]]
    return sorted(set(found))


def streams(group: str, prefix: str = "") -> list[str]:
    """The group's streams that start with `prefix`, oldest first; none without a group."""
    from botocore.exceptions import ClientError

    arguments: dict[str, Any] = {"logGroupName": group}
    if prefix:
        arguments["logStreamNamePrefix"] = prefix
    try:
        pages = aws.client("logs").get_paginator("describe_log_streams").paginate(**arguments)
        found = [s for page in pages for s in page["logStreams"]]
    except ClientError:
        return []
    found.sort(key=lambda s: s.get("lastEventTimestamp") or s.get("creationTime") or 0)
    return [str(s["logStreamName"]) for s in found]


def tail(group: str, *, stream_prefix: str = "", lines: int = TAIL, newest: int = 2) -> list[str]:
    """The last lines of the group's newest streams."""
    from botocore.exceptions import ClientError

    found: list[tuple[int, str]] = []
    for stream in streams(group, stream_prefix)[-newest:]:
        try:
            answer = aws.client("logs").get_log_events(
                logGroupName=group, logStreamName=stream, startFromHead=False, limit=lines
            )
        except ClientError:
            continue
        for event in answer["events"]:
            found += [(event["timestamp"], line) for line in event["message"].splitlines()]
    found.sort(key=lambda pair: pair[0])
    return [line for _, line in found[-lines:]]


def of_resource(kind: str, physical_id: str) -> tuple[str | None, list[str]]:
    """The log group of a CloudFormation resource and its last lines, empty where it keeps none."""
    name = physical_id.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    if kind == "AWS::SageMaker::Endpoint":
        group = f"/aws/sagemaker/Endpoints/{name}"
    elif kind == "AWS::Lambda::Function" or kind.startswith("Custom::"):
        group = f"/aws/lambda/{name}"
    else:
        return None, []
    return group, tail(group) if name else []


class Follower:
    """Reads the lines of a group's streams that have not been read before."""

    def __init__(self, group: str, stream_prefix: str = "", *, since: float | None = None) -> None:
        self.group = group
        self.stream_prefix = stream_prefix
        self._since = int((time.time() if since is None else since) * 1000)
        self._tokens: dict[str, str] = {}

    def new_lines(self) -> Iterator[str]:
        """What has been written since the last call."""
        for stream in streams(self.group, self.stream_prefix):
            arguments: dict[str, Any] = {"startFromHead": True, "startTime": self._since}
            if stream in self._tokens:
                arguments["nextToken"] = self._tokens[stream]
            answer = aws.client("logs").get_log_events(
                logGroupName=self.group, logStreamName=stream, **arguments
            )
            # The token stays the same at the end of a stream.
            self._tokens[stream] = answer["nextForwardToken"]
            for event in answer["events"]:
                yield from str(event["message"]).splitlines()
