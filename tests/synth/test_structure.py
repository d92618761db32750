"""The house rules that a test can keep: no trap in the names, nothing slow or impure in synth."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.synth.conftest import ROOT, Assembly, run_app


@pytest.mark.parametrize("source_root", ["constructs", "lambda", "containers"])
def test_a_source_root_is_not_a_package(source_root: str) -> None:
    accident = ROOT / source_root / "__init__.py"
    assert not accident.exists(), f"{accident.relative_to(ROOT)} hides a package: remove it"


def test_constructs_is_the_library_and_not_our_folder() -> None:
    import constructs

    assert ROOT / "constructs" not in Path(constructs.__file__).parents


def test_the_app_runs_from_any_folder(assemblies: dict[str, Assembly]) -> None:
    """The fixture ran it from the project; the reproducibility test from elsewhere."""
    assert assemblies.keys() == {"local", "dev", "prod"}


def test_synth_imports_neither_boto3_nor_the_sagemaker_sdk(tmp_path: Path) -> None:
    code = (
        "import sys, app; "
        "print([m for m in ('boto3', 'botocore', 'sagemaker', 'docker') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.stdout.strip().splitlines()[-1] == "[]", run.stderr[-2000:]


def test_needs_no_account_and_no_credentials(assemblies: dict[str, Assembly]) -> None:
    for name, template in assemblies["prod"].templates().items():
        assert '"AWS::AccountId"' in str(template).replace("'", '"'), name


def test_an_unknown_environment_is_one_line_and_exit_code_1(
    checkout: Callable[[str], Path], tmp_path: Path
) -> None:
    run = run_app(checkout("unknown"), tmp_path / "out", "stage", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-2:] == [
        "config/stage.toml: 1 problem",
        "  no such file; -c env=<name> must be one of: dev, local, prod",
    ]
    assert "Traceback" not in run.stderr


def test_a_missing_package_is_one_line_that_says_what_to_type(
    checkout: Callable[[str], Path], tmp_path: Path
) -> None:
    root = checkout("unpackaged")
    (root / "build" / "lambda" / "preprocess.zip").unlink()
    run = run_app(root, tmp_path / "out", "local", cwd=tmp_path)
    assert run.returncode == 1
    assert "build/lambda/preprocess.zip is missing: run `make package`" in run.stderr
    assert "Traceback" not in run.stderr
