"""The benchmark of synth compares like with like."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aws_cdk import App

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "synth"


@pytest.fixture
def same(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARK)
    return importlib.import_module("same")


def synthesised(app_name: str, same: ModuleType, folder: Path) -> dict[str, Any]:
    app = App(outdir=str(folder / app_name), analytics_reporting=False)
    importlib.import_module(app_name).add(app, 0)
    app.synth()
    (made,) = same.templates(folder / app_name).values()
    return dict(made)


def test_the_app_written_by_hand_makes_the_same_resources_with_the_same_properties(
    same: ModuleType, tmp_path: Path
) -> None:
    ours = synthesised("ours", same, tmp_path)
    plain = synthesised("handwritten", same, tmp_path)

    assert same.differences(ours, plain) == [], (
        "bring benchmarks/synth/handwritten to what the constructs make now"
    )


TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Role1": {"Type": "AWS::IAM::Role", "Properties": {"Description": "one"}},
        "Model1": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": {"Fn::GetAtt": ["Role1", "Arn"]}},
            "DependsOn": ["Role1"],
        },
    },
    "Outputs": {"Name": {"Value": {"Ref": "Model1"}}},
}


def test_logical_ids_make_no_difference(same: ModuleType) -> None:
    other = {
        "Resources": {
            "R": TEMPLATE["Resources"]["Role1"],
            "M": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {"ExecutionRoleArn": {"Fn::GetAtt": ["R", "Arn"]}},
                "DependsOn": ["R"],
            },
        },
        "Outputs": {"Named": {"Value": {"Ref": "M"}}},
    }

    assert same.differences(TEMPLATE, other) == []


def test_a_property_that_only_one_has_is_named_with_its_resource(same: ModuleType) -> None:
    other = copy.deepcopy(TEMPLATE)
    del other["Resources"]["Role1"]["Properties"]["Description"]

    assert same.differences(TEMPLATE, other) == [
        'AWS::IAM::Role 1: ours {"Properties": {"Description": "one"}, "Type": "AWS::IAM::Role"}, '
        'by hand {"Properties": {}, "Type": "AWS::IAM::Role"}'
    ]


def test_a_resource_that_only_one_has_is_named(same: ModuleType) -> None:
    other = copy.deepcopy(TEMPLATE)
    other["Resources"]["Topic"] = {"Type": "AWS::SNS::Topic"}

    assert same.differences(TEMPLATE, other) == [
        'AWS::SNS::Topic 1: ours has none, by hand {"Type": "AWS::SNS::Topic"}'
    ]


def test_a_dependency_that_only_one_has_makes_a_difference(same: ModuleType) -> None:
    other = copy.deepcopy(TEMPLATE)
    other["Resources"]["Model1"]["DependsOn"] = []

    assert len(same.differences(TEMPLATE, other)) == 1
