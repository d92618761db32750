"""What is missing on this machine is named, with the one command that brings it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import settings
from ops.errors import OpsError
from ops.local import checks


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which nothing is missing."""
    for file in (
        "node_modules/.bin/cdk",
        "node_modules/aws-cdk/package.json",
        ".venvs/local_aws/bin/python",
        ".venvs/trainer/bin/python",
        "containers/trainer/requirements.txt",
        "lambda/preprocess/requirements.txt",
        "build/lambda/preprocess.zip",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    node = tmp_path / ".venv/bin/node"
    node.parent.mkdir(parents=True)
    node.write_text("#!/bin/sh\necho v24.19.0\n")
    node.chmod(0o755)
    return tmp_path


def test_a_complete_checkout_passes(checkout: Path) -> None:
    checks.check(checkout)


@pytest.mark.parametrize(
    ("missing", "named", "fix"),
    [
        (".venv/bin/node", "Node is missing", "make install"),
        ("node_modules/.bin/cdk", "the CDK CLI is missing", "make install"),
        (".venvs/local_aws/bin/python", "environment of local_aws", "make install"),
        (".venvs/trainer/bin/python", "environment of trainer", "make install"),
        ("build/lambda/preprocess.zip", "package of the function preprocess", "make package"),
    ],
)
def test_what_is_missing_is_named_with_its_fix(
    checkout: Path, missing: str, named: str, fix: str
) -> None:
    (checkout / missing).unlink()
    with pytest.raises(OpsError, match=named) as told:
        checks.check(checkout)
    assert told.value.fix == fix


def test_all_missing_things_are_told_at_once(checkout: Path) -> None:
    (checkout / "node_modules/.bin/cdk").unlink()
    (checkout / "build/lambda/preprocess.zip").unlink()
    with pytest.raises(OpsError, match=r"CDK CLI is missing.*package of the function") as told:
        checks.check(checkout)
    assert told.value.fix == "make install && make package"


def test_an_old_node_is_refused(checkout: Path) -> None:
    (checkout / ".venv/bin/node").write_text("#!/bin/sh\necho v18.20.0\n")
    with pytest.raises(OpsError, match=r"v18\.20\.0 is too old"):
        checks.check(checkout)


def test_an_unknown_environment_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/local.toml").write_text('project = "shop"')
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setenv("WORKFLOW_ENV", "staging")
    with pytest.raises(OpsError, match="no environment called 'staging'") as told:
        settings.current()
    assert "local" in (told.value.fix or "")


def test_the_environments_may_lie_in_a_folder_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ours.toml").write_text('project = "shop"')
    monkeypatch.setenv("WORKFLOW_CONFIG", str(tmp_path))
    monkeypatch.setenv("WORKFLOW_ENV", "ours")
    assert settings.current().prefix == "shop-ours"


def test_a_broken_config_file_is_named_with_the_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/local.toml").write_text('project = "shop"\n[dataset\n')
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    with pytest.raises(OpsError, match=r"config/local\.toml cannot be read.*line 2"):
        settings.current()
