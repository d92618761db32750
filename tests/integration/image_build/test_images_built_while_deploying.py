"""Images built by CodeBuild while the CDK CLI deploys, with permissions enforced."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import cdk_cli
from support.local_aws_server import REPOSITORY, LocalAws

from sagemaker_workflow.build_context import build_context_hash


@dataclass(frozen=True, kw_only=True)
class Deployment:
    aws: LocalAws
    folder: Path

    @property
    def context(self) -> Path:
        return self.folder / "trainer"

    def deploy(self, tag: str = "") -> subprocess.CompletedProcess[str]:
        return cdk_cli.cdk(
            self.aws,
            self.folder,
            "deploy",
            "--app",
            f"{sys.executable} {Path(__file__).with_name('app.py')}",
            "--require-approval",
            "never",
            environment={"CONTEXT": str(self.context), "TAG": tag},
        )

    def images(self) -> dict[str, Any]:
        found = self.aws.client("ecr").describe_images(repositoryName="built/trainer")
        return {one["imageTags"][0]: one for one in found["imageDetails"]}

    def builds(self) -> list[dict[str, Any]]:
        """Each build there was, oldest first."""
        codebuild = self.aws.client("codebuild")
        ids = codebuild.list_builds()["ids"]
        found = codebuild.batch_get_builds(ids=ids)["builds"] if ids else []
        return sorted(found, key=lambda one: int(one["buildNumber"]))


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("built")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("trainer", "training_job"):  # the image holds both
        shutil.copytree(REPOSITORY / "containers" / name, folder / name, ignore=ignored)
    with LocalAws.started(folder / "aws", enforce=True, time_factor=20) as aws:
        cdk_cli.bootstrap(aws, folder)
        made = Deployment(aws=aws, folder=folder)
        deployed = made.deploy()
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr + aws.log[-3000:]
        yield made


def test_the_image_is_there_when_the_stack_is(deployment: Deployment) -> None:
    """The manifest names the folder and its content, as a pushed one does."""
    tag = build_context_hash(deployment.context)
    assert list(deployment.images()) == [tag]
    got = deployment.aws.client("ecr").batch_get_image(
        repositoryName="built/trainer", imageIds=[{"imageTag": tag}]
    )
    notes = json.loads(got["images"][0]["imageManifest"])["annotations"]
    assert notes["sagemaker-workflow.container"] == "trainer"
    assert notes["sagemaker-workflow.context-hash"] == tag
    assert [one["buildStatus"] for one in deployment.builds()] == ["SUCCEEDED"]


def test_a_changed_context_is_a_build_and_an_image_more(deployment: Deployment) -> None:
    before = build_context_hash(deployment.context)
    (deployment.context / "more.py").write_text("MORE = 1\n")
    done = deployment.deploy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(deployment.images()) == {before, build_context_hash(deployment.context)}


def test_a_failed_build_fails_the_deployment_with_the_end_of_its_log(
    deployment: Deployment,
) -> None:
    before = set(deployment.images())
    done = deployment.deploy(tag="0123456789abcdef")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "the build of built/trainer:0123456789abcdef ended as FAILED" in said
    assert "is the hash of its build context, but this context is" in said
    assert set(deployment.images()) == before
