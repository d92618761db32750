"""Images built by CodeBuild: what the project is, what it may do, and under which tag."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from support.templates import allowed, only, resources, statements

from sagemaker_workflow.image_build import ImageBuilder
from sagemaker_workflow.image_build.buildspec import buildspec

TAG = "0123456789abcdef"
REPOSITORIES = {"Trainer": "churn/trainer", "Server": "churn/server"}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def build(stack: Stack, key: kms.IKey, context: Path, **options: Any) -> ImageBuilder:
    """Two images of one context, each in a repository of its own."""
    builder = ImageBuilder(stack, "Builder", key=key, **options)
    for name, repository in REPOSITORIES.items():
        where = ecr.Repository.from_repository_name(stack, f"{name}Repository", repository)
        builder.build(name, context=context, repository=where, tag=TAG)
    return builder


def project(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = only(stack, "AWS::CodeBuild::Project")["Properties"]
    return found


def test_docker_runs_in_a_privileged_build_that_ends(
    stack: Stack, key: kms.IKey, context: Path
) -> None:
    build(stack, key, context)
    made = project(stack)
    assert made["Environment"]["PrivilegedMode"] is True
    assert made["Environment"]["Type"] == "LINUX_CONTAINER"
    assert made["EncryptionKey"] == key.key_arn
    assert (made["TimeoutInMinutes"], made["QueuedTimeoutInMinutes"]) == (45, 10)


def test_logs_are_encrypted_and_kept_as_long_as_asked(
    stack: Stack, key: kms.IKey, context: Path
) -> None:
    build(stack, key, context, log_retention=logs.RetentionDays.ONE_WEEK)
    kept = [one["Properties"] for one in resources(stack, "AWS::Logs::LogGroup").values()]
    assert [(one["RetentionInDays"], one["KmsKeyId"]) for one in kept] == [(7, key.key_arn)] * 2
    log = project(stack)["LogsConfig"]["CloudWatchLogs"]
    assert log["Status"] == "ENABLED"
    assert log["GroupName"]["Ref"] in resources(stack, "AWS::Logs::LogGroup")


def test_a_build_may_push_to_the_repositories_named_and_no_other(
    stack: Stack, key: kms.IKey, context: Path
) -> None:
    build(stack, key, context)
    wanted = {
        f"arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/{name}"
        for name in REPOSITORIES.values()
    }
    assert set(allowed(stack, "ecr:PutImage")) == wanted
    assert set(allowed(stack, "ecr:DescribeImages")) == wanted


def test_a_build_may_read_its_own_context_and_nothing_else(
    stack: Stack, key: kms.IKey, context: Path
) -> None:
    build(stack, key, context)
    made = resources(stack, "Custom::ImageBuild").values()
    # "s3://cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}/<hash>.zip", for Fn::Sub
    keys = {one["Properties"]["Context"]["Fn::Sub"].rpartition("/")[2] for one in made}
    read = allowed(stack, "s3:GetObject")
    assert {one.rpartition("/")[2] for one in read} == keys
    assert len(keys) == 1
    assert not any("*" in one for one in read)


def test_what_is_allowed_on_everything_knows_no_resource(
    stack: Stack, key: kms.IKey, context: Path
) -> None:
    build(stack, key, context)
    everywhere = {
        action for one in statements(stack) if "*" in one["Resource"] for action in one["Action"]
    }
    assert everywhere == {
        "ecr:GetAuthorizationToken",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
    }


def test_the_function_starts_and_asks_for_builds_of_this_project_only(
    stack: Stack, key: kms.IKey, context: Path
) -> None:
    build(stack, key, context)
    [name] = resources(stack, "AWS::CodeBuild::Project")
    assert allowed(stack, "codebuild:StartBuild") == [f"<{name}.Arn>"]
    assert allowed(stack, "codebuild:BatchGetBuilds") == [f"<{name}.Arn>"]


@pytest.mark.parametrize(
    ("architecture", "tag", "type_"),
    [("x86_64", TAG, "LINUX_CONTAINER"), ("arm64", f"{TAG}-arm64", "ARM_CONTAINER")],
)
def test_each_architecture_has_a_tag_and_a_machine_of_its_own(
    stack: Stack, key: kms.IKey, context: Path, architecture: Any, tag: str, type_: str
) -> None:
    """Under one tag for both, a change of architecture would find the other's image."""
    builder = build(stack, key, context, architecture=architecture)
    made = resources(stack, "Custom::ImageBuild").values()
    assert {one["Properties"]["Tag"] for one in made} == {tag}
    assert builder.tag(TAG) == tag
    assert project(stack)["Environment"]["Type"] == type_


def test_what_the_dockerfile_copies_from_the_folder_above_is_built_with_it(
    stack: Stack, key: kms.IKey, tmp_path: Path
) -> None:
    for name in ("trainer", "shared"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").touch()
    (tmp_path / "trainer" / "Dockerfile").write_text("FROM scratch\nCOPY trainer shared /opt/\n")
    build(stack, key, tmp_path / "trainer")
    every = [one for one in stack.node.find_all() if isinstance(one, Asset)]
    [out] = {
        Path(App.of(stack).outdir, one.asset_path) for one in every if one.node.id == "Context"
    }
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found == {"Dockerfile", "trainer/Dockerfile", "trainer/a.py", "shared/a.py"}


def test_a_folder_without_a_dockerfile_is_refused(
    stack: Stack, key: kms.IKey, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="image build Trainer: there is no Dockerfile in"):
        build(stack, key, tmp_path)


@pytest.mark.parametrize(
    ("base", "digest"),
    [("python:3.11", "unresolved"), (f"python:3.11@sha256:{'1' * 64}", f"sha256:{'1' * 64}")],
)
def test_a_build_labels_the_digest_of_its_base_where_the_dockerfile_has_one(
    tmp_path: Path, base: str, digest: str
) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text(f"ARG BASE={base}\nFROM ${{BASE}}\n")
    commands = ['docker() { echo "$@"; }', *buildspec()["phases"]["build"]["commands"]]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(commands)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "REGISTRY": "r", "REPOSITORY": "shop", "TAG": TAG},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == (
        f"build --build-arg REVISION={TAG} --build-arg BASE_DIGEST={digest} --tag r/shop:{TAG}"
        " context\n"
    )
