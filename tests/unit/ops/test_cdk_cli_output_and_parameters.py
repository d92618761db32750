"""What ops reads from the CDK CLI and tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops import cdk
from ops.commands.deploy import _checked, _refuse_unknown, overridden
from ops.errors import OpsError


def test_reads_a_resource_event_with_its_reason() -> None:
    event = cdk.parse(
        "shop-dev-storage | 3/14 | 2:53:17 PM | CREATE_FAILED        | AWS::S3::Bucket            "
        "| Raw/Bucket (RawBucketA1B2) Bucket exists already"
    )
    assert event == cdk.ResourceEvent(
        stack="shop-dev-storage",
        progress="3/14",
        status="CREATE_FAILED",
        type="AWS::S3::Bucket",
        path="Raw/Bucket",
        reason="Bucket exists already",
    )


@pytest.mark.parametrize("line", ["", "✨  Deployment time: 0.09s", "Stack ARN:", "a | b"])
def test_other_lines_are_no_events(line: str) -> None:
    assert cdk.parse(line) is None


def test_a_refused_parameter_is_told_with_its_stack() -> None:
    lines = [
        "shop-dev-a",
        "shop-dev-a: creating CloudFormation changeset...",
        "Parameter 'InstanceType' value 'ml.x' is not in AllowedValues: ['ml.m5.large']",
    ]
    assert cdk.reason(lines).startswith("shop-dev-a: Parameter 'InstanceType' value 'ml.x'")


def test_the_clis_own_verdict_wins_over_other_lines() -> None:
    assert cdk.reason(["Error: noise", "❌  shop-dev-a failed: no quota", "tail"]) == (
        "shop-dev-a failed: no quota"
    )


def assembly(folder: Path, parameters: dict[str, Any]) -> Path:
    (folder / "a.template.json").write_text(json.dumps({"Parameters": parameters}))
    artifact = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "a.template.json", "stackName": "shop-dev-a"},
    }
    manifest = {"artifacts": {"shop-dev-a": artifact, "x": {"type": "cdk:asset-manifest"}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_passes_every_parameter_at_its_config_value_but_never_the_model(tmp_path: Path) -> None:
    made = assembly(
        tmp_path,
        {
            "InstanceType": {"Type": "String", "Default": "ml.m5.large"},
            "NotificationEmail": {"Type": "String", "Default": ""},
            "MaxCapacity": {"Type": "Number", "Default": 2},
            "ModelPackageArn": {"Type": "String", "Default": ""},
            "BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/x"},
            "Bucket": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/dev/b"},
        },
    )
    assert cdk.explicit_parameters(made) == [
        "shop-dev-a:InstanceType=ml.m5.large",
        "shop-dev-a:NotificationEmail=",
        "shop-dev-a:MaxCapacity=2",
    ]


def test_an_override_replaces_the_config_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = assembly(tmp_path, {"MaxCapacity": {"Type": "Number", "Default": 2}})
    asked: list[str] = []

    def run(arguments: list[str], **_: object) -> tuple[int, list[str]]:
        asked.extend(arguments)
        return 0, []

    monkeypatch.setattr(cdk, "run", run)
    cdk.deploy(made, on_event=lambda e: None, overrides=["shop-dev-a:MaxCapacity=5"])
    assert [a for a in asked if "MaxCapacity" in a] == ["shop-dev-a:MaxCapacity=5"]


def test_refuses_to_deploy_a_model_past_its_approval() -> None:
    with pytest.raises(OpsError, match="a deploy does not choose the model"):
        _checked(["shop-dev-endpoint-realtime:ModelPackageArn="])


@pytest.mark.parametrize("given", ["MaxCapacity=3", "shop-dev-a:MaxCapacity"])
def test_refuses_an_override_that_names_no_stack_or_value(given: str) -> None:
    with pytest.raises(OpsError, match="expected Stack:Key=value"):
        _checked([given])


TEMPLATES: dict[str, dict[str, Any]] = {
    "shop-dev-a": {"Parameters": {"MaxCapacity": {"Type": "Number", "Default": 2}}},
    "shop-dev-b": {"Parameters": {"ModelPackageArn": {"Type": "String", "Default": ""}}},
}


@pytest.mark.parametrize(
    ("given", "chosen", "told"),
    [
        ("shop-dev-aa:MaxCapacity=3", ["shop-dev-a"], "there is no stack called shop-dev-aa"),
        ("shop-dev-a:MaxCapacty=3", ["shop-dev-a"], "shop-dev-a has no parameter called MaxCapac"),
        ("shop-dev-a:MaxCapacity=3", ["shop-dev-b"], "shop-dev-a is not among the stacks"),
    ],
)
def test_refuses_an_override_that_the_cli_would_ignore(
    given: str, chosen: list[str], told: str
) -> None:
    with pytest.raises(OpsError, match=told):
        _refuse_unknown([given], TEMPLATES, chosen)


def test_takes_an_override_of_a_chosen_stack() -> None:
    _refuse_unknown(["shop-dev-a:MaxCapacity=3"], TEMPLATES, ["shop-dev-a"])


def test_a_diff_tells_a_value_that_the_next_deploy_takes_back(services: dict[str, Any]) -> None:
    deployed = {
        "StackName": "shop-dev-a",
        "Parameters": [{"ParameterKey": "MaxCapacity", "ParameterValue": "5"}],
    }
    promoted = {
        "StackName": "shop-dev-b",
        "Parameters": [{"ParameterKey": "ModelPackageArn", "ParameterValue": "arn:x"}],
    }

    class Pages:
        def get_paginator(self, name: str) -> Pages:
            return self

        def paginate(self) -> list[dict[str, Any]]:
            return [{"Stacks": [deployed, promoted]}]

    services["cloudformation"] = Pages()
    assert overridden(TEMPLATES) == ["shop-dev-a:MaxCapacity is '5'; the next deploy makes it '2'"]


def test_the_end_of_a_stack_shows_no_count_that_looks_unfinished() -> None:
    line = "a | 14/18 | 2:53:17 PM | UPDATE_COMPLETE | AWS::CloudFormation::Stack | a"
    event = cdk.parse(line)
    assert event is not None
    assert (event.state, str(event)) == ("done", "update complete")


def test_a_fault_in_the_settings_is_told_in_the_words_of_the_app() -> None:
    said = ["config/local.toml: 1 problem", "  colour = 3: unknown key"]
    lines = ["b'!! node 20'", *said, "python app.py: Subprocess exited with error 1"]
    assert cdk.words_of_app(lines) == "\n".join(said)


def test_a_broken_app_is_told_by_its_log_and_not_as_a_fault_of_the_person() -> None:
    lines = ["Traceback (most recent call last):", "KeyError: 'x'"]
    assert cdk.words_of_app([*lines, "python app.py: Subprocess exited with error 1"]) == ""


def test_a_missing_cli_is_told_with_its_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdk, "ROOT", tmp_path)
    with pytest.raises(OpsError) as told:
        cdk.run(["synth"], what="cdk synth")
    assert told.value.fix == "make install"
