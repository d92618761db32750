"""The example with every option of preprocessing: Spark is on, as in no environment that ships."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.synth.conftest import ROOT, Assembly, run_app
from tests.synth.test_roles_may_and_may_not import WITHOUT_RESOURCE, Statement, statements


@pytest.fixture(scope="module")
def example(
    checkout: Callable[[str], Path], package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Assembly:
    """The cloud assembly of config/examples/preprocessing.toml."""
    root = checkout("example")
    shutil.copy2(root / "config/examples/preprocessing.toml", root / "config")
    shutil.copy2(package, root / "build/lambda/preprocess_spark.zip")
    out = tmp_path_factory.mktemp("example") / "cdk.out"
    run = run_app(root, out, "preprocessing", cwd=root)
    assert run.returncode == 0, run.stderr[-4000:]
    return Assembly(root=root, folder=out, said=run.stdout + run.stderr)


@pytest.fixture
def policies(example: Assembly) -> list[Statement]:
    """Every statement of every role of the preprocessing stack."""
    name = "trips-preprocessing-preprocessing"
    return list(statements(name, example.templates()[name]))


def test_no_finding_of_a_rule_pack_is_unacknowledged(example: Assembly) -> None:
    """One stops the synth (test_templates.py); what passed without a word has no report."""
    report = json.loads((example.folder / "validation-report.json").read_text())
    assert {one["conclusion"] for one in report["pluginReports"]} <= {"success"}


def test_cfn_lint_finds_nothing(example: Assembly) -> None:
    template = example.folder / "trips-preprocessing-preprocessing.template.json"
    run = subprocess.run(
        # W3005: AWS CDK writes a dependency on a role beside the reference to it.
        [str(ROOT / ".venv/bin/cfn-lint"), "--ignore-checks", "W3005", "--", str(template)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stdout


def test_the_settings_reach_the_machines(example: Assembly) -> None:
    template = example.templates()["trips-preprocessing-preprocessing"]
    definitions = {
        name: json.loads(one["Properties"]["DefinitionString"])
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::StepFunctions::StateMachine"
    }
    (ingest,) = [one for name, one in definitions.items() if name.startswith("Ingest")]
    (backfill,) = [one for name, one in definitions.items() if name.startswith("Backfill")]
    route = ingest["States"]["What size is it?"]["Choices"][0]["Condition"]
    assert ": 1000000000)" in route
    job = ingest["States"]["Preprocess with Spark"]["Arguments"]
    assert job["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 4
    assert job["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] == 200
    assert backfill["States"]["Each object"]["MaxConcurrency"] == 10
    assert backfill["States"]["Each object"]["ToleratedFailurePercentage"] == 20


def test_no_action_has_a_star_and_every_resource_is_named(policies: list[Statement]) -> None:
    assert [(p.role, a) for p in policies for a in p.actions if "*" in a] == []
    everything = [
        (one.role, action)
        for one in policies
        for action in one.actions
        if "*" in one.resources and not any(fnmatchcase(action, w) for w in WITHOUT_RESOURCE)
    ]
    assert everything == []


def test_only_ingest_passes_a_role_and_only_that_of_its_jobs(policies: list[Statement]) -> None:
    (passes,) = [one for one in policies if "iam:PassRole" in one.actions]
    assert passes.role.startswith("preprocessing/IngestMachineRole")
    (resource,) = passes.resources
    assert fnmatchcase(resource, "<SparkRole*.Arn>")
    assert "sagemaker.amazonaws.com" in passes.condition


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("preprocessing/SparkRole", "s3:GetObject", "<storage/raw-bucket>/others/a.csv"),
        ("preprocessing/SparkRole", "s3:PutObject", "<storage/processed-bucket>/others/a"),
        ("preprocessing/SparkRole", "s3:PutObject", "<storage/raw-bucket>/trips/a.csv"),
        ("preprocessing/SparkRole", "s3:DeleteObject", "<storage/processed-bucket>/trips/a"),
        ("preprocessing/Backfill*", "s3:GetObject", "<storage/raw-bucket>/trips/a.csv"),
        ("preprocessing/Backfill*", "s3:PutObject", "<storage/processed-bucket>/trips/a"),
        ("preprocessing/Backfill*", "lambda:InvokeFunction", "*"),
    ],
)
def test_a_role_may_not_do_what_is_not_its_work(
    policies: list[Statement], role: str, action: str, resource: str
) -> None:
    own = [one for one in policies if fnmatchcase(one.role, f"{role}*")]
    assert own, f"no role is called {role}"
    target = f"arn:aws:s3:::{resource}" if resource != "*" else resource
    targets = [target] if resource != "*" else [r for one in own for r in one.resources]
    assert [one for one in own if any(one.allows(action, each) for each in targets)] == []
