"""What CloudFormation is told about an image, against services that remember."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from image_build import builds, handler

DIGEST = "sha256:" + "1" * 64
REQUEST = {
    "ResponseURL": "https://answers.invalid/one",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Image",
}
WANTED = {
    "Project": "builds",
    "Context": "s3://assets/context.zip",
    "Registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
    "Repository": "churn/trainer",
    "Tag": "0123456789abcdef",
}
ENDED = {"detail": {"build-id": "arn:aws:codebuild:us-east-1:111122223333:build/builds:7"}}


@dataclass
class Services:
    """ECR, CodeBuild and CloudWatch Logs in one; `answers` is what CloudFormation heard."""

    images: dict[str, str] = field(default_factory=dict)
    builds: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    refuses: str = "ImageNotFoundException"

    def describe_images(self, *, repositoryName: str, imageIds: Any) -> dict[str, Any]:  # noqa: N803
        found = self.images.get(f"{repositoryName}:{imageIds[0]['imageTag']}")
        if found is None:
            raise ClientError({"Error": {"Code": self.refuses, "Message": "no"}}, "DescribeImages")
        return {"imageDetails": [{"imageDigest": found}]}

    def start_build(self, **build: Any) -> dict[str, Any]:
        self.builds.append(build)
        return {"build": {"id": "builds:7"}}

    def batch_get_builds(self, *, ids: list[str]) -> dict[str, Any]:
        assert ids == ["builds:7"]
        variables = self.builds[0]["environmentVariablesOverride"]
        return {
            "builds": [
                {
                    "buildStatus": "FAILED",
                    "environment": {"environmentVariables": variables},
                    "logs": {"groupName": "group", "streamName": "stream"},
                }
            ]
        }

    def get_log_events(self, *, limit: int, **_: Any) -> dict[str, Any]:
        return {"events": [{"message": f"{line}\n"} for line in self.lines[-limit:]]}


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    made = Services()

    def answer(request: Any, *, timeout: float) -> io.BytesIO:
        assert (request.full_url, request.method) == (REQUEST["ResponseURL"], "PUT")
        made.answers.append(json.loads(request.data))
        return io.BytesIO()

    monkeypatch.setattr(builds.boto3, "client", lambda name: made)
    monkeypatch.setattr(handler.urllib.request, "urlopen", answer)
    return made


def ask(kind: str = "Create", **more: Any) -> None:
    handler.handler({"RequestType": kind, **REQUEST, "ResourceProperties": WANTED, **more}, None)


def test_a_tag_that_is_there_is_not_built_again(services: Services) -> None:
    services.images["churn/trainer:0123456789abcdef"] = DIGEST
    ask()
    assert services.builds == []
    [told] = services.answers
    assert (told["Status"], told["Data"]) == ("SUCCESS", {"ImageDigest": DIGEST})


def test_nobody_is_answered_while_a_build_runs(services: Services) -> None:
    ask()
    [build] = services.builds
    assert (build["projectName"], build["idempotencyToken"]) == ("builds", "request")
    assert services.answers == []


def test_a_build_that_succeeded_is_answered_with_the_digest(services: Services) -> None:
    ask()
    services.images["churn/trainer:0123456789abcdef"] = DIGEST
    handler.handler(ENDED, None)
    [told] = services.answers
    assert (told["Status"], told["Data"]) == ("SUCCESS", {"ImageDigest": DIGEST})
    assert told["PhysicalResourceId"] == "churn/trainer:0123456789abcdef"
    assert {told[name] for name in REQUEST if name in told} == {"stack", "request", "Image"}


def test_a_build_that_failed_fails_the_deployment_with_the_end_of_its_log(
    services: Services,
) -> None:
    ask()
    services.lines = [f"step {number}" for number in range(40)] + ["no space left on device"]
    handler.handler(ENDED, None)
    [told] = services.answers
    assert told["Status"] == "FAILED"
    assert told["Reason"].startswith(
        "the build of churn/trainer:0123456789abcdef ended as FAILED: step 26\n"
    )
    assert told["Reason"].endswith("no space left on device\n(log group group, stream stream)")


def test_a_reason_is_never_longer_than_cloudformation_takes(services: Services) -> None:
    """Neither a long log nor a long fault makes one that is lost."""
    ask()
    services.lines = ["x" * 5000]
    handler.handler(ENDED, None)
    services.refuses = "y" * 5000
    ask()
    assert [len(one["Reason"]) <= 1000 for one in services.answers] == [True, True]


def test_deleting_builds_nothing_and_keeps_the_image(services: Services) -> None:
    ask("Delete", PhysicalResourceId="churn/trainer:0123456789abcdef")
    assert services.builds == []
    assert services.answers[0]["Status"] == "SUCCESS"


def test_a_fault_is_an_answer_too_for_a_stack_waits_an_hour(services: Services) -> None:
    services.refuses = "AccessDeniedException"
    ask()
    [told] = services.answers
    assert told["Status"] == "FAILED"
    assert "AccessDeniedException" in told["Reason"]
