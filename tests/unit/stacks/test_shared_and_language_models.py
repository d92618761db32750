"""Settings of components and language models: what they make, and what is said of wrong ones."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from stacks import workflow
from stacks.settings import SettingsError, load, parse

BASE = """
project = "shop"
environment = "test"
region = "us-east-1"

[dataset]
name = "orders"
problem = "multiclass"
target = "kind"

[dataset.columns]
amount = "number"
kind = "category"

[training]
instance_type = "ml.m5.xlarge"
"""
COMPONENTS = """
[endpoints.models]
kind = "components"
instance_type = "ml.m5.xlarge"
allowed_instance_types = ["ml.m5.xlarge", "ml.m5d.xlarge"]
volume_gb = 50
min_instances = 0

active = false
dashboard = false

[endpoints.models.components.churn]
min_copies = 0

[endpoints.models.components.fraud-check]
model_package_group = "fraud"
memory_mb = 512
"""
LLM = """
[endpoints.chat]
kind = "llm"
instance_type = "ml.g5.2xlarge"
allowed_instance_types = ["ml.g5.2xlarge", "ml.g5.12xlarge"]
architecture = "mistralai/Mistral-7B-Instruct-v0.3"
weights = "models/mistral/"
"""


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("shared")
    (folder / "test.toml").write_text(BASE + COMPONENTS + LLM)
    (folder / "build" / "lambda").mkdir(parents=True)
    with zipfile.ZipFile(folder / "build" / "lambda" / "preprocess.zip", "w") as archive:
        archive.writestr("handler.py", "")
    for container in ("trainer", "inference_server", "vllm"):
        (folder / "containers" / container).mkdir(parents=True)
        (folder / "containers" / container / "requirements.in").write_text("numpy")
        (folder / "containers" / container / "Dockerfile").write_text("FROM scratch")
    app = App(outdir=str(folder / "out"), analytics_reporting=False)
    workflow.build(app, parse(folder / "test.toml"), root=folder)
    return {
        child.node.id: Template.from_stack(child).to_json()  # type: ignore[arg-type]
        for child in app.node.children
        if child.node.id.startswith("shop-test-endpoint-")
    }


def test_each_component_follows_its_group_by_a_parameter_of_its_own(
    templates: dict[str, dict[str, Any]],
) -> None:
    template = templates["shop-test-endpoint-models"]
    said = {name: one["Value"] for name, one in template["Outputs"].items()}
    assert said["ModelPackageGroupChurn"] == "shop-test"
    assert said["ModelPackageGroupFraudCheck"] == "fraud"
    assert {"ChurnModelPackageArn", "FraudCheckModelPackageArn"} <= template["Parameters"].keys()
    assert "ModelPackageArn" not in template["Parameters"]


def test_instances_have_their_volume_where_the_type_can_have_one(
    templates: dict[str, dict[str, Any]],
) -> None:
    template = templates["shop-test-endpoint-models"]
    [config] = (
        one["Properties"]["ProductionVariants"][0]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::SageMaker::EndpointConfig"
    )
    assert "50" in json.dumps([config["VolumeSizeInGB"], template["Mappings"]])
    assert "ml.m5d.xlarge" in json.dumps([template["Mappings"], template["Conditions"]])


def test_no_instance_is_there_before_a_model(templates: dict[str, dict[str, Any]]) -> None:
    template = templates["shop-test-endpoint-models"]
    conditions = template["Conditions"]
    by_type = {
        one["Type"]: one.get("Condition")
        for one in template["Resources"].values()
        if one["Type"].startswith("AWS::SageMaker::")
    }
    assert conditions[by_type["AWS::SageMaker::Endpoint"]] == {
        "Fn::Or": [{"Condition": "IsChurnServed"}, {"Condition": "IsFraudCheckServed"}]
    }
    assert conditions["IsChurnServed"]["Fn::And"] == [
        {"Fn::Not": [{"Fn::Equals": [{"Ref": "ChurnModelPackageArn"}, ""]}]},
        {"Fn::Equals": [{"Ref": "Active"}, "true"]},
    ]


def test_a_language_model_waits_for_no_package(templates: dict[str, dict[str, Any]]) -> None:
    template = templates["shop-test-endpoint-chat"]
    assert "ModelPackageArn" not in template["Parameters"]
    assert template["Conditions"]["IsServed"] == {"Fn::Equals": [{"Ref": "Active"}, "true"]}
    assert template["Mappings"]["ModelByInstanceType"]["ml.g5.12xlarge"][
        "SmVllmTensorParallelSize"
    ] == "4"  # fmt: skip


def test_the_config_says_whether_it_runs_until_somebody_says_otherwise(
    templates: dict[str, dict[str, Any]],
) -> None:
    for name, default in (("models", "false"), ("chat", "true")):
        active = templates[f"shop-test-endpoint-{name}"]["Parameters"]["Active"]
        assert (active["Default"], active["AllowedValues"]) == (default, ["true", "false"])


def test_a_dashboard_is_made_unless_the_config_says_no(
    templates: dict[str, dict[str, Any]],
) -> None:
    for name, made in (("models", 0), ("chat", 1)):
        resources = templates[f"shop-test-endpoint-{name}"]["Resources"].values()
        types = [one["Type"] for one in resources]
        assert types.count("AWS::CloudWatch::Dashboard") == made
        assert types.count("Custom::EndpointDeployed") == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "memory_mb = 512",
            "memory = 512",
            "endpoints.models.components.fraud-check.memory = 512: unknown key; did you mean"
            " memory_mb?",
        ),
        (
            "volume_gb = 50",
            "volume_gb = 600",
            "endpoints.models.volume_gb = 600: must be at most 512",
        ),
        (
            '["ml.m5.xlarge", "ml.m5d.xlarge"]\nvolume_gb = 50',
            '["ml.m5.xlarge"]\nami_version = "al2-ami-sagemaker-inference-gpu-2"',
            'endpoints.models.ami_version = "al2-ami-sagemaker-inference-gpu-2": is made for none'
            " of ml.m5.xlarge: remove it, or allow a type it fits",
        ),
        (
            "memory_mb = 512",
            "accelerators = 1",
            "endpoints.models.components.fraud-check.accelerators = 1: ml.m5.xlarge has no GPUs:"
            " lower it, or choose other instance types",
        ),
        (
            "min_copies = 0",
            "min_copies = 3",
            "endpoints.models.components.churn.min_copies = 3: must be at most max_copies, 2",
        ),
        (
            "active = false",
            'active = "asleep"',
            'endpoints.models.active = "asleep": must be true or false',
        ),
        (
            "min_instances = 0",
            "min_instances = 3",
            "endpoints.models.min_instances = 3: must be at most max_instances, 2",
        ),
        (
            'weights = "models/mistral/"',
            'weights = "s3://bucket/mistral/"',
            'endpoints.chat.weights = "s3://bucket/mistral/": must be a prefix of the artifacts'
            " bucket that ends in a slash",
        ),
        (
            'weights = "models/mistral/"',
            "",
            'endpoints.chat.weights = "missing": name one of the two: weights, a prefix of the'
            " artifacts bucket, or hub",
        ),
        (
            'weights = "models/mistral/"',
            'weights = "models/mistral/"\nmodel_package_group = "x"',
            'endpoints.chat.model_package_group = "x": a language model follows no package group:'
            " remove it",
        ),
        (
            "mistralai/Mistral-7B-Instruct-v0.3",
            "meta-llama/Llama-3.2-1B-Instruct",
            'endpoints.chat.architecture = "meta-llama/Llama-3.2-1B-Instruct":'
            " meta-llama/Llama-3.2-1B-Instruct is gated: read its licence, then set"
            " accept_eula = true",
        ),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = BASE + COMPONENTS + LLM
    assert old in text
    (tmp_path / "test.toml").write_text(text.replace(old, new))
    with pytest.raises(SettingsError) as refused:
        load("test", tmp_path)
    assert refused.value.faults == [said]


def test_says_how_far_a_model_is_from_fitting(tmp_path: Path) -> None:
    text = BASE + LLM.replace("mistralai/Mistral-7B-Instruct-v0.3", "tiiuae/falcon-40b-instruct")
    (tmp_path / "test.toml").write_text(text + "max_model_len = 2048\n")
    with pytest.raises(SettingsError, match=r"does not fit ml\.g5\.2xlarge: 41\.3 billion") as told:
        load("test", tmp_path)
    assert "choose ml.g5.12xlarge, the smallest that fits" in told.value.faults[0]
