"""What a real-time endpoint's stack makes of its settings, and which overrides it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment
from aws_cdk.assertions import Template

from stacks.endpoint import EndpointStack
from stacks.images import Images
from stacks.names import Names
from stacks.settings import SettingsError, parse

SETTINGS = """
project = "shop"
environment = "test"
region = "eu-west-1"

[dataset]
name = "orders"
problem = "binary"
target = "late"

[dataset.columns]
amount = "number"
late = "boolean"

[training]
instance_type = "ml.m5.xlarge"

[endpoints.live]
kind = "realtime"
instance_type = "ml.m5.xlarge"
"""


def settings_of(folder: Path, more: str) -> Any:
    file = folder / "test.toml"
    file.write_text(SETTINGS + more)
    return parse(file)


def template(folder: Path, more: str = "") -> dict[str, Any]:
    settings = settings_of(folder, more)
    stack = EndpointStack(
        App(analytics_reporting=False),
        "shop-test-endpoint-live",
        name="live",
        settings=settings,
        names=Names(project="shop", environment="test"),
        images=Images(tags={"inference_server": "1"}),
        env=Environment(region=settings.region),
    )
    return dict(Template.from_stack(stack).to_json())


def config(made: dict[str, Any]) -> dict[str, Any]:
    (found,) = (
        one for one in made["Resources"].values() if one["Type"] == "AWS::SageMaker::EndpointConfig"
    )
    return dict(found["Properties"])


def deployment(made: dict[str, Any]) -> dict[str, Any]:
    (found,) = (
        one for one in made["Resources"].values() if one["Type"] == "AWS::SageMaker::Endpoint"
    )
    return dict(found["Properties"]["DeploymentConfig"])


def refused(folder: Path, more: str) -> list[str]:
    with pytest.raises(SettingsError) as refusal:
        settings_of(folder, more)
    return refusal.value.faults


def test_a_challenger_has_parameters_of_its_own(tmp_path: Path) -> None:
    made = template(tmp_path, "[endpoints.live.challenger]\nweight = 10\n")
    parameters = made["Parameters"]
    assert parameters["ChallengerWeight"]["Default"] == "10"
    assert {"0", "10", "50", "99"} <= set(parameters["ChallengerWeight"]["AllowedValues"])
    assert parameters["ChallengerModelPackageArn"]["Default"] == ""
    assert parameters["ChallengerInstanceCount"]["Default"] == "1"


def test_a_challenger_answers_its_percent_beside_a_weight_of_one(tmp_path: Path) -> None:
    """A live endpoint has retained weight 1 for its first variant (contracts 3.3: the default)."""
    made = template(tmp_path, "[endpoints.live.challenger]\nweight = 10\n")
    first, second = config(made)["ProductionVariants"]
    assert (first["VariantName"], first["InitialVariantWeight"]) == ("primary", 1)
    condition, there, gone = second["Fn::If"]
    assert (condition, gone) == ("IsChallenged", {"Ref": "AWS::NoValue"})
    assert there["InitialVariantWeight"] == {
        "Fn::FindInMap": ["ChallengerWeights", {"Ref": "ChallengerWeight"}, "Weight"]
    }
    for percent, row in made["Mappings"]["ChallengerWeights"].items():
        weight = float(row["Weight"])
        assert 100 * weight / (1 + weight) == pytest.approx(int(percent), abs=1e-3)


def test_a_challenger_exists_only_beside_a_champion(tmp_path: Path) -> None:
    made = template(tmp_path, "[endpoints.live.challenger]\n")
    both = made["Conditions"]["IsChallenged"]["Fn::And"]
    assert {"Condition": "IsServed"} in both
    models = [
        one["Condition"]
        for one in made["Resources"].values()
        if one["Type"] == "AWS::SageMaker::Model"
    ]
    assert sorted(models) == ["IsChallenged", "IsServed"]


def test_a_challenger_comes_and_goes_without_guardrails(tmp_path: Path) -> None:
    """Guardrails need the same variants before and after (docs/contracts.md)."""
    made = template(tmp_path, "[endpoints.live.challenger]\n")
    assert made["Parameters"]["ChangeVariants"]["Default"] == "false"
    condition, changing, otherwise = deployment(made)["Fn::If"]
    assert (condition, changing) == ("IsChangeVariants", {"Ref": "AWS::NoValue"})
    assert {"BlueGreenUpdatePolicy", "AutoRollbackConfiguration"} == set(otherwise)


def test_a_shadow_comes_and_goes_with_guardrails(tmp_path: Path) -> None:
    made = template(tmp_path, "[endpoints.live.challenger]\nshadow = true\n")
    assert "ChangeVariants" not in made["Parameters"]
    assert "BlueGreenUpdatePolicy" in deployment(made)


def test_a_shadow_gets_copies_of_its_percent(tmp_path: Path) -> None:
    made = template(tmp_path, "[endpoints.live.challenger]\nshadow = true\nweight = 50\n")
    assert len(config(made)["ProductionVariants"]) == 1
    assert config(made)["ShadowProductionVariants"]["Fn::If"][0] == "IsChallenged"
    assert made["Mappings"]["ChallengerWeights"]["50"] == {"Weight": "0.5"}
    assert "0" not in made["Parameters"]["ChallengerWeight"]["AllowedValues"]


def test_capture_can_be_turned_up_down_and_off_by_an_override(tmp_path: Path) -> None:
    made = template(tmp_path, "[endpoints.live.capture]\nsampling_percent = 20\n")
    said = config(made)["DataCaptureConfig"]
    assert said["InitialSamplingPercentage"] == {"Ref": "CaptureSamplingPercent"}
    assert said["EnableCapture"] == {"Fn::If": ["IsCapturing", True, False]}
    assert {"0", "20", "100"} <= set(made["Parameters"]["CaptureSamplingPercent"]["AllowedValues"])


def test_types_without_capacity_are_followed_by_others(tmp_path: Path) -> None:
    """Guide, "Deploy to multiple instance types": InstancePools replaces InstanceType."""
    more = 'fallback_instance_types = ["ml.c5.xlarge", "ml.m5.2xlarge"]\n'
    made = template(tmp_path, f"{more}provision_timeout_seconds = 900\n")
    [variant] = config(made)["ProductionVariants"]
    assert "InstanceType" not in variant
    assert variant["InstancePools"] == [
        {"InstanceType": {"Ref": "InstanceType"}, "Priority": 1},
        {"InstanceType": "ml.c5.xlarge", "Priority": 2},
        {"InstanceType": "ml.m5.2xlarge", "Priority": 3},
    ]
    assert variant["VariantInstanceProvisionTimeoutInSeconds"] == 900
    asked = [
        one["Properties"]["Shape"]
        for one in made["Resources"].values()
        if one["Type"] == "Custom::EndpointScaling"
    ]
    types = {"Fn::Join": [",", [{"Ref": "InstanceType"}, "ml.c5.xlarge,ml.m5.2xlarge"]]}
    assert asked == [{"InstanceType": types}] * 2


def test_a_challenger_has_the_pools_of_the_first(tmp_path: Path) -> None:
    more = 'fallback_instance_types = ["ml.c5.xlarge"]\n[endpoints.live.challenger]\n'
    _, second = config(template(tmp_path, more))["ProductionVariants"]
    assert len(second["Fn::If"][1]["InstancePools"]) == 2


def test_routing_and_metrics_are_as_the_settings_say(tmp_path: Path) -> None:
    more = """
    [endpoints.live.routing]
    strategy = "PREFIX_AWARE"
    prefix_length = 2048
    concurrency_threshold = 4
    [endpoints.live.metrics]
    every_seconds = 10
    """
    made = config(template(tmp_path, more))
    routing = made["ProductionVariants"][0]["RoutingConfig"]
    assert routing["PrefixAwareRoutingConfig"]["PrefixLength"] == 2048
    assert made["MetricsConfig"]["MetricPublishFrequencyInSeconds"] == 10


def test_the_count_at_the_start_is_between_the_bounds_in_every_override(tmp_path: Path) -> None:
    rules = template(tmp_path)["Rules"]
    said = rules["InitialInstanceCountAtMostMaxCapacityOf2"]
    assert said["RuleCondition"] == {"Fn::Equals": [{"Ref": "MaxCapacity"}, "2"]}
    assert said["Assertions"][0]["Assert"] == {
        "Fn::Contains": [["1", "2"], {"Ref": "InitialInstanceCount"}]
    }
    assert "MinCapacityAtMostInitialInstanceCountOf1" in rules


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            'types_known_here = []\nallowed_instance_types = ["ml.m5.xlarge", "ml.g6e.xlarge"]\n',
            'endpoints.live.allowed_instance_types.1 = "ml.g6e.xlarge": eu-west-1 does not have it'
            " for hosting; it is in ap-northeast-1, ap-northeast-2, ap-northeast-3, ap-south-1,"
            " eu-central-1, eu-south-2 and 3 more: choose another type or region, or name it in"
            " types_known_here if it has come since",
        ),
        (
            '[endpoints.live.routing]\nstrategy = "PREFIX_AWARE"\nprefix_length = 4096\n',
            'endpoints.live.routing.concurrency_threshold: strategy = "PREFIX_AWARE" requires it:'
            " set it to 1 to 1024",
        ),
        (
            "[endpoints.live.routing]\nprefix_length = 4096\n",
            "endpoints.live.routing.prefix_length = 4096: means nothing for"
            ' "LEAST_OUTSTANDING_REQUESTS": remove it, or use "PREFIX_AWARE"',
        ),
        (
            "[endpoints.live.capture]\nsampling_percent = 101\n",
            "endpoints.live.capture.sampling_percent = 101: must be at most 100",
        ),
        (
            '[endpoints.live.capture]\ncsv_content_types = ["csv"]\n',
            'endpoints.live.capture.csv_content_types.0 = "csv": must be a content type like'
            " text/csv, without parameters",
        ),
        (
            '[endpoints.live.capture]\njson_content_types = ["text/csv"]\n',
            "endpoints.live.capture.json_content_types = ['text/csv']: text/csv is among"
            " csv_content_types too: remove it from one",
        ),
        (
            "[endpoints.live.metrics]\nevery_seconds = 1\n",
            "endpoints.live.metrics.every_seconds = 1: must be 10, 30, 60, 120, 180, 240 or 300",
        ),
        (
            "[endpoints.live.challenger]\nweight = 100\n",
            "endpoints.live.challenger.weight = 100: must be at most 99",
        ),
        (
            "[endpoints.live.challenger]\nweight = 0\nshadow = true\n",
            "endpoints.live.challenger.weight = 0: a shadow without copies says nothing: raise it,"
            " or remove the challenger",
        ),
        (
            'fallback_instance_types = ["ml.m5.xlarge"]\n',
            'endpoints.live.fallback_instance_types.0 = "ml.m5.xlarge": is named already, here or'
            " in allowed_instance_types: remove one",
        ),
        (
            'volume_gb = 50\nfallback_instance_types = ["ml.m5d.xlarge"]\n',
            'endpoints.live.fallback_instance_types.0 = "ml.m5d.xlarge": has local storage, and all'
            " pools share volume_gb: remove one of both",
        ),
        (
            'fallback_instance_types = ["ml.c5.xlarge", "ml.c5.3xlarge"]\n',
            'endpoints.live.fallback_instance_types.1 = "ml.c5.3xlarge": SageMaker has no such'
            " instance type for hosting; close to it: ml.c5.xlarge, ml.c5d.xlarge or"
            " ml.c5.9xlarge",
        ),
        (
            "provision_timeout_seconds = 60\n",
            "endpoints.live.provision_timeout_seconds = 60: must be at least 300",
        ),
        (
            "volume_gb = 1000\n",
            "endpoints.live.volume_gb = 1000: must be at most 512",
        ),
        (
            'ami_version = "al2-ami-sagemaker-inference-gpu-3-1"\n',
            'endpoints.live.ami_version = "al2-ami-sagemaker-inference-gpu-3-1": is made for none'
            " of ml.m5.xlarge: remove it, or allow a type it fits",
        ),
        (
            'min_capacity = 2\ninitial_instance_count = 2\nrollout = { strategy = "rolling" }\n'
            "[endpoints.live.challenger]\n",
            'endpoints.live.rollout.strategy = "rolling": the service does not roll over several'
            ' variants: use rollout.strategy = "canary", "linear" or "all_at_once"',
        ),
        (
            'min_capacity = 2\ninitial_instance_count = 2\nrollout = { strategy = "canary" }\n'
            "[endpoints.live.challenger]\n",
            'endpoints.live.challenger.instance_count = 1: "canary" needs two instances of each'
            ' variant: raise it, or use rollout.strategy = "all_at_once"',
        ),
        (
            '[endpoints.idle]\nkind = "serverless"\n[endpoints.idle.challenger]\nweight = 5\n',
            "endpoints.idle.challenger = {'weight': 5}: unknown key: the service has one variant"
            ' behind a serverless endpoint, and no shadow; remove it, or use kind = "realtime"',
        ),
        (
            '[endpoints.idle]\nkind = "serverless"\n[endpoints.idle.capture]\n',
            "endpoints.idle.capture = {}: unknown key: the service captures no data of a serverless"
            ' endpoint; remove it, or use kind = "realtime"',
        ),
        (
            '[endpoints.big]\nkind = "async"\ninstance_type = "ml.m5.large"\n'
            "[endpoints.big.challenger]\n",
            "endpoints.big.challenger = {}: unknown key: the service has one variant behind an"
            ' asynchronous endpoint, and no shadow; remove it, or use kind = "realtime"',
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(
    tmp_path: Path, more: str, said: str
) -> None:
    assert refused(tmp_path, more) == [said]


def test_a_type_of_which_nothing_is_known_is_not_refused(tmp_path: Path) -> None:
    """ml.p5e.48xlarge is in no region's list: a table that lags behind is no reason to refuse."""
    more = 'allowed_instance_types = ["ml.m5.xlarge", "ml.p5e.48xlarge"]\n'
    assert "ml.p5e.48xlarge" in settings_of(tmp_path, more).endpoints["live"].allowed_instance_types


def test_a_type_that_has_come_since_can_be_said(tmp_path: Path) -> None:
    more = (
        'allowed_instance_types = ["ml.m5.xlarge", "ml.g6e.xlarge"]\n'
        'types_known_here = ["ml.g6e.xlarge"]\n'
    )
    kept = settings_of(tmp_path, more).endpoints["live"]
    assert "ml.g6e.xlarge" in kept.allowed_instance_types


@pytest.mark.parametrize("default", ["true", "false"])
def test_the_config_says_whether_it_is_there_once_a_model_is(tmp_path: Path, default: str) -> None:
    active = template(tmp_path, f"active = {default}\n")["Parameters"]["Active"]
    assert active["Default"] == default
