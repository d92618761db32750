"""What the stacks of a small project hold, and what they say to one another."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from stacks import workflow
from stacks.errors import UserError
from stacks.settings import parse

SETTINGS = """
project = "shop"
environment = "test"
region = "eu-west-1"
removal = "REMOVAL"

[dataset]
name = "orders"
problem = "multiclass"
target = "kind"

[dataset.columns]
amount = "number"
kind = "category"

[training]
instance_type = "ml.m5.xlarge"
allowed_instance_types = ["ml.m5.xlarge", "ml.g5.xlarge"]

[endpoints.live]
kind = "realtime"
instance_type = "ml.g4dn.xlarge"
model_package_group = "others"

[endpoints.idle]
kind = "serverless"

[endpoints.large]
kind = "async"
instance_type = "ml.m5.large"
min_capacity = 0

[batch]
instance_type = "ml.m5.large"
"""
Templates = dict[str, dict[str, Any]]


def synthesised(folder: Path, removal: str) -> Templates:
    (folder / "test.toml").write_text(SETTINGS.replace("REMOVAL", removal))
    (folder / "build" / "lambda").mkdir(parents=True)
    with zipfile.ZipFile(folder / "build" / "lambda" / "preprocess.zip", "w") as archive:
        archive.writestr("handler.py", "")
    for container in ("trainer", "inference_server"):
        (folder / "containers" / container).mkdir(parents=True)
        (folder / "containers" / container / "requirements.in").write_text("numpy")
        (folder / "containers" / container / "Dockerfile").write_text("FROM scratch")
    app = App(outdir=str(folder / "out"), analytics_reporting=False)
    workflow.build(app, parse(folder / "test.toml"), root=folder)
    return {
        child.node.id: Template.from_stack(child).to_json()  # type: ignore[arg-type]
        for child in app.node.children
        if child.node.id.startswith("shop-")
    }


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return synthesised(tmp_path_factory.mktemp("wired"), "destroy")


def of_type(template: dict[str, Any], type_: str) -> list[dict[str, Any]]:
    return [one for one in template["Resources"].values() if one["Type"] == type_]


def machine(template: dict[str, Any], *, of: str = "") -> dict[str, Any]:
    """The definition of the template's machine; `of` begins the logical id of one of several."""
    (found,) = [
        one
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::StepFunctions::StateMachine" and name.startswith(of)
    ]
    definition: dict[str, Any] = json.loads(found["Properties"]["DefinitionString"])
    return definition


def statements(template: dict[str, Any], action: str) -> list[dict[str, Any]]:
    policies = of_type(template, "AWS::IAM::Policy") + of_type(template, "AWS::IAM::ManagedPolicy")
    every = [s for p in policies for s in p["Properties"]["PolicyDocument"]["Statement"]]
    return [
        s
        for s in every
        if action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    ]


def test_each_part_has_a_stack_of_its_own(templates: Templates) -> None:
    parts = ["batch", "endpoint-idle", "endpoint-large", "endpoint-live"]
    parts += ["preprocessing", "storage", "training"]
    assert sorted(templates) == [f"shop-test-{part}" for part in parts]


def test_no_stack_exports_anything(templates: Templates) -> None:
    exports = [
        o for t in templates.values() for o in t.get("Outputs", {}).values() if "Export" in o
    ]
    assert exports == []


def test_names_are_published_where_the_plan_says(templates: Templates) -> None:
    names = {
        one["Properties"]["Name"]
        for template in templates.values()
        for one in of_type(template, "AWS::SSM::Parameter")
    }
    assert names == {
        f"/shop/test/{path}"
        for path in (
            "storage/raw-bucket",
            "storage/processed-bucket",
            "storage/artifacts-bucket",
            "storage/key-arn",
            "images/trainer",
            "images/inference_server",
            "preprocessing/state-machine-arn",
            "preprocessing/backfill-arn",
            "training/state-machine-arn",
            "training/model-package-group",
            "batch/state-machine-arn",
            "endpoints/live",
            "endpoints/idle",
            "endpoints/large",
        )
    }


@pytest.mark.parametrize(
    ("part", "parameters"),
    [
        (
            "endpoint-live",
            {"InstanceType", "InitialInstanceCount", "MinCapacity", "MaxCapacity"},
        ),
        (
            "endpoint-large",
            {"InstanceType", "InitialInstanceCount", "MinCapacity", "MaxCapacity"},
        ),
        ("endpoint-idle", {"MemorySizeInMB", "MaxConcurrency", "ProvisionedConcurrency"}),
    ],
)
def test_an_endpoint_takes_the_overrides_of_its_kind(
    templates: Templates, part: str, parameters: set[str]
) -> None:
    of_every_kind = {"ModelPackageArn", "Active", "NotificationEmail", "RollbackOnAlarm"}
    on_instances = set() if part == "endpoint-idle" else {"ApplyConfiguredCounts"}
    found = templates[f"shop-test-{part}"]["Parameters"]
    ours = {name for name in found if not name.startswith(("SsmParameter", "BootstrapVersion"))}
    assert ours == parameters | of_every_kind | on_instances
    unsafe = [n for n in ours if not {"AllowedValues", "AllowedPattern"} & found[n].keys()]
    assert unsafe == [], "an override is as safe as a default"
    assert all(found[name]["Description"] for name in ours)


def test_only_what_serves_waits_for_a_model(templates: Templates) -> None:
    for part in ("live", "idle", "large"):
        resources = templates[f"shop-test-endpoint-{part}"]["Resources"].values()
        served = {one["Type"] for one in resources if one.get("Condition") == "IsServed"}
        assert served - {"Custom::EndpointScaling"} == {
            "Custom::EndpointDeployed",
            "AWS::SageMaker::Model",
            "AWS::SageMaker::EndpointConfig",
            "AWS::SageMaker::Endpoint",
        }


def test_min_capacity_above_max_is_refused_before_anything_changes(templates: Templates) -> None:
    rules = templates["shop-test-endpoint-live"]["Rules"]
    (assertion,) = rules["MinCapacityAtMostMaxCapacityOf2"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Contains": [["1", "2"], {"Ref": "MinCapacity"}]}
    assert assertion["AssertDescription"] == "MinCapacity must be at most MaxCapacity, which is 2"


def test_an_endpoint_follows_the_group_its_block_names(templates: Templates) -> None:
    followed = {
        part: templates[f"shop-test-{part}"]["Outputs"]["ModelPackageGroup"]["Value"]
        for part in ("endpoint-live", "endpoint-idle", "batch")
    }
    assert followed == {
        "endpoint-live": "others",
        "endpoint-idle": "shop-test",
        "batch": "shop-test",
    }


def test_buckets_are_private_versioned_encrypted_and_expire_old_versions(
    templates: Templates,
) -> None:
    buckets = of_type(templates["shop-test-storage"], "AWS::S3::Bucket")
    assert len(buckets) == 4
    for bucket in (one["Properties"] for one in buckets):
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert "BucketEncryption" in bucket
        assert "LifecycleConfiguration" in bucket
    announced = [b for b in buckets if "NotificationConfiguration" in b["Properties"]]
    assert len(announced) == 3, "raw, processed and artifacts"


def test_the_key_is_not_open(templates: Templates) -> None:
    (key,) = of_type(templates["shop-test-storage"], "AWS::KMS::Key")
    assert key["Properties"]["EnableKeyRotation"] is True
    for statement in key["Properties"]["KeyPolicy"]["Statement"]:
        assert statement["Principal"] != {"AWS": "*"}
        assert "Service" not in statement["Principal"] or statement["Condition"]


@pytest.mark.parametrize("removal", ["retain"])
def test_data_outlives_its_stack_where_the_settings_say_so(tmp_path: Path, removal: str) -> None:
    kept = synthesised(tmp_path, removal)
    for stack, type_ in (
        ("storage", "AWS::S3::Bucket"),
        ("storage", "AWS::KMS::Key"),
        ("storage", "AWS::ECR::Repository"),
        ("training", "AWS::SageMaker::ModelPackageGroup"),
    ):
        found = of_type(kept[f"shop-test-{stack}"], type_)
        assert found
        for one in found:
            assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_image_tags_never_move_and_tagged_images_never_expire(templates: Templates) -> None:
    for one in of_type(templates["shop-test-storage"], "AWS::ECR::Repository"):
        properties = one["Properties"]
        assert properties["ImageTagMutability"] == "IMMUTABLE"
        assert properties["ImageScanningConfiguration"] == {"ScanOnPush": True}
        (rule,) = json.loads(properties["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        assert rule["selection"]["tagStatus"] == "untagged"


def test_ingest_hands_the_function_the_declared_dataset(templates: Templates) -> None:
    task = machine(templates["shop-test-preprocessing"], of="Ingest")["States"]["Preprocess"]
    payload = task["Arguments"]["Payload"]
    assert payload["dataset"]["columns"] == {"amount": "number", "kind": "category"}
    assert payload["output"] == {"bucket": "${OutputBucket}"}
    assert task["Retry"][0]["JitterStrategy"] == "FULL"
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize(
    ("part", "keys"),
    [("preprocessing", "orders/*"), ("training", "orders/*/manifest.json")],
)
def test_an_upload_starts_its_machine_or_waits_as_a_dead_letter(
    templates: Templates, part: str, keys: str
) -> None:
    (rule,) = of_type(templates[f"shop-test-{part}"], "AWS::Events::Rule")
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["detail"]["object"]["key"] == [{"wildcard": keys}]
    (target,) = rule["Properties"]["Targets"]
    assert target["DeadLetterConfig"]["Arn"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 185


def test_the_training_job_is_isolated_and_encrypted(templates: Templates) -> None:
    request = machine(templates["shop-test-training"])["States"]["Train"]["Arguments"]
    assert request["EnableNetworkIsolation"] is True
    assert request["EnableInterContainerTrafficEncryption"] is True
    assert request["OutputDataConfig"]["KmsKeyId"] == "${Key}"
    # Of the types it may run on, g5 has local storage, where naming a key is refused.
    assert """in ["ml.g5.xlarge"] ? {} : { 'VolumeKmsKeyId'""" in request["ResourceConfig"]


def test_the_metrics_are_those_of_the_problem(templates: Templates) -> None:
    request = machine(templates["shop-test-training"])["States"]["Train"]["Arguments"]
    names = {one["Name"] for one in request["AlgorithmSpecification"]["MetricDefinitions"]}
    splits = ("train", "validation", "test")
    assert names == {f"{s}:{m}" for s in splits for m in ("accuracy", "mlogloss")}


def test_every_log_is_encrypted_and_kept_as_long_as_the_settings_say(templates: Templates) -> None:
    for name, template in templates.items():
        for one in of_type(template, "AWS::Logs::LogGroup"):
            assert one["Properties"]["RetentionInDays"] == 90, name
            assert one["Properties"]["KmsKeyId"], name


def test_every_function_is_traced_limited_and_has_dead_letters(templates: Templates) -> None:
    functions = [f for t in templates.values() for f in of_type(t, "AWS::Lambda::Function")]
    assert len(functions) == 5, "preprocessing, models, and one for each endpoint"
    for one in functions:
        assert one["Properties"]["TracingConfig"] == {"Mode": "Active"}
        assert one["Properties"]["ReservedConcurrentExecutions"] >= 1
        assert one["Properties"]["DeadLetterConfig"]["TargetArn"]


def test_conditions_compare_text_with_text(templates: Templates) -> None:
    """CloudFormation knows no other Fn::Equals."""
    for template in templates.values():
        for text in re.findall(r'"Fn::Equals": \[(.*?)\]', json.dumps(template.get("Conditions"))):
            assert not re.search(r", \d", text), text


def test_a_role_is_passed_to_sagemaker_only(templates: Templates) -> None:
    (statement,) = statements(templates["shop-test-training"], "iam:PassRole")
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }
    assert "Fn::GetAtt" in statement["Resource"]


def test_no_policy_allows_every_action(templates: Templates) -> None:
    for template in templates.values():
        assert statements(template, "*") == []
        text = json.dumps(template)
        assert "FullAccess" not in text


def test_without_the_function_package_nothing_is_synthesised(tmp_path: Path) -> None:
    (tmp_path / "test.toml").write_text(SETTINGS.replace("REMOVAL", "destroy"))
    (tmp_path / "containers").mkdir()
    with pytest.raises(UserError, match=r"build/lambda/preprocess.zip is missing: run `make pack"):
        workflow.build(App(), parse(tmp_path / "test.toml"), root=tmp_path)
