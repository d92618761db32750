"""Every stack of every environment: checked by rule packs, compared with what was agreed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.synth.conftest import ENVIRONMENTS, ROOT, Assembly, run_app

SNAPSHOTS = Path(__file__).parent / "snapshots"
REFRESH = "REFRESH_SNAPSHOTS=1 .venv/bin/python -m pytest tests/synth/test_templates.py"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_finding_of_a_rule_pack_is_unacknowledged(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    report = json.loads((assemblies[environment].folder / "validation-report.json").read_text())
    assert {one["conclusion"] for one in report["pluginReports"]} == {"success"}


def test_an_unacknowledged_finding_stops_the_synth(
    checkout: Callable[[str], Path], tmp_path: Path
) -> None:
    """So that the test above does not pass because nobody checks."""
    root = checkout("unacknowledged")
    construct = root / "constructs" / "sagemaker_workflow" / "dead_letters.py"
    construct.write_text(construct.read_text().replace('"AwsSolutions-SQS3"', '"AwsSolutions-X9"'))
    run = run_app(root, tmp_path / "out", "local", cwd=root)
    assert run.returncode != 0
    assert "AwsSolutions-SQS3" in run.stdout + run.stderr


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_cfn_lint_finds_nothing(assemblies: dict[str, Assembly], environment: str) -> None:
    templates = sorted(map(str, assemblies[environment].folder.glob("*.template.json")))
    # W3005: AWS CDK writes a dependency on a role beside the reference to it.
    run = subprocess.run(
        [str(ROOT / ".venv/bin/cfn-lint"), "--ignore-checks", "W3005", "--", *templates],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stdout


def test_each_template_is_the_one_that_was_agreed(assemblies: dict[str, Assembly]) -> None:
    """A change here is what reviewers read; refresh the snapshots with REFRESH and commit them."""
    made = assemblies["prod"]
    wanted = {name: settled(one, root=made.root) for name, one in made.templates().items()}
    if os.environ.get("REFRESH_SNAPSHOTS"):
        for old in SNAPSHOTS.glob("*.json"):
            old.unlink()
        for name, text in wanted.items():
            (SNAPSHOTS / f"{name}.json").write_text(text)
    agreed = {path.stem: path.read_text() for path in SNAPSHOTS.glob("*.json")}
    assert agreed.keys() == wanted.keys(), f"stacks came or went: {REFRESH}"
    changed = [name for name in wanted if wanted[name] != agreed[name]]
    assert changed == [], f"if that is meant: {REFRESH}"


def settled(template: dict[str, Any], *, root: Path) -> str:
    """The template without what changes with every edit of code that is not a template.

    `root` is the checkout it was made of: somebody may be editing the one that is tested.
    """
    text = json.dumps(template, indent=1, sort_keys=True)
    text = re.sub(r"\b[0-9a-f]{64}\b", "<asset>", text)
    for folder in (root / "containers").iterdir():
        if (folder / "Dockerfile").is_file():
            from sagemaker_workflow.build_context import build_context_hash

            text = text.replace(build_context_hash(folder), f"<{folder.name}>")
    return text + "\n"
