"""Provisioned concurrency that follows its use: settings, parameters, and what is refused."""

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
[endpoints.idle]
kind = "serverless"
max_concurrency = 20
provisioned_concurrency = 2
"""
SCALED = "[endpoints.idle.scaling]\nmax_capacity = 10\n"


def parsed(folder: Path, text: str) -> Any:
    file = folder / "test.toml"
    file.write_text(text)
    return parse(file)


def template(folder: Path, more: str = "") -> dict[str, Any]:
    stack = EndpointStack(
        App(analytics_reporting=False),
        "shop-test-endpoint-idle",
        name="idle",
        settings=parsed(folder, SETTINGS + more),
        names=Names(project="shop", environment="test"),
        images=Images(tags={"inference_server": "1"}),
        env=Environment(region="eu-west-1"),
    )
    return dict(Template.from_stack(stack).to_json())


def scaling(made: dict[str, Any]) -> dict[str, Any]:
    (found,) = (
        one["Properties"]
        for one in made["Resources"].values()
        if one["Type"] == "Custom::EndpointScaling" and one["Properties"]["Phase"] == "Target"
    )
    return dict(found)


def allows(made: dict[str, Any], **values: int) -> bool:
    """Whether the rules of the template let these values through (CloudFormation, Rules)."""
    given = {name: one["Default"] for name, one in made["Parameters"].items() if "Default" in one}
    given |= {name: str(value) for name, value in values.items()}
    for name, rule in made["Rules"].items():
        if name == "CheckBootstrapVersion":
            continue
        reference, value = rule["RuleCondition"]["Fn::Equals"]
        (assertion,) = rule["Assertions"]
        allowed, low = assertion["Assert"]["Fn::Contains"]
        if given[reference["Ref"]] == value and given[low["Ref"]] not in allowed:
            return False
    return all(
        str(value) in made["Parameters"][name]["AllowedValues"] for name, value in values.items()
    )


def test_it_is_scaled_between_its_parameters_by_the_share_in_use(tmp_path: Path) -> None:
    """contracts 3.5: the dimension, and the only load the service publishes for it."""
    made = template(tmp_path, SCALED)
    asked = scaling(made)
    assert asked["Target"]["ScalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
    assert (asked["MinCapacity"], asked["MaxCapacity"]) == (
        {"Ref": "MinCapacity"},
        {"Ref": "MaxCapacity"},
    )
    [policy] = asked["Policies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 0.7
    assert (
        tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]
        == "SageMakerVariantProvisionedConcurrencyUtilization"
    )
    defaults = {
        name: made["Parameters"][name]["Default"] for name in ("MinCapacity", "MaxCapacity")
    }
    assert defaults == {"MinCapacity": "1", "MaxCapacity": "10"}


def test_schedules_move_its_bounds(tmp_path: Path) -> None:
    more = '[endpoints.idle.scaling.schedules.fair]\nat = "at(2027-05-03T08:00:00)"\n'
    made = template(tmp_path, f"{SCALED}{more}min_capacity = 5\nmax_capacity = 20\n")
    [fair] = scaling(made)["Schedules"]
    assert fair["Schedule"] == "at(2027-05-03T08:00:00)"
    assert fair["ScalableTargetAction"] == {"MinCapacity": 5, "MaxCapacity": 20}


def test_without_the_table_nothing_scales_and_none_may_be_provisioned(tmp_path: Path) -> None:
    made = template(tmp_path)
    types = {one["Type"] for one in made["Resources"].values()}
    assert "Custom::EndpointScaling" not in types
    assert "MinCapacity" not in made["Parameters"]
    assert allows(made, ProvisionedConcurrency=0)


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({"ProvisionedConcurrency": 5, "MinCapacity": 2}, True),
        ({"MaxCapacity": 20}, True),
        ({"ProvisionedConcurrency": 0}, False),
        ({"MinCapacity": 5}, False),  # above the two that are provisioned
        ({"ProvisionedConcurrency": 20}, False),  # above MaxCapacity
        ({"MaxCapacity": 50}, False),  # above MaxConcurrency
        ({"MaxConcurrency": 5}, False),  # below MaxCapacity
        ({"MinCapacity": 2, "MaxCapacity": 1}, False),
    ],
)
def test_an_override_keeps_every_bound_in_its_place(
    tmp_path: Path, values: dict[str, int], allowed: bool
) -> None:
    assert allows(template(tmp_path, SCALED), **values) is allowed


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "provisioned_concurrency = 0\n" + SCALED,
            "endpoints.idle.provisioned_concurrency = 0: is what scaling moves, and 0 is none:"
            " raise it, or remove [scaling]: serverless scales by itself",
        ),
        (
            "[endpoints.idle.scaling]\nmax_capacity = 30",
            "endpoints.idle.scaling.max_capacity = 30: must be at most max_concurrency, 20",
        ),
        (
            f"{SCALED}min_capacity = 5",
            "endpoints.idle.provisioned_concurrency = 2: must be from scaling's min_capacity to"
            " its max_capacity, 5 to 10",
        ),
        (
            f"{SCALED}min_capacity = 11",
            "endpoints.idle.scaling.min_capacity = 11: must be at most max_capacity, 10",
        ),
        (
            f"{SCALED}min_capacity = 0",
            "endpoints.idle.scaling.min_capacity = 0: must be at least 1",
        ),
        (
            f"{SCALED}target = 70",
            "endpoints.idle.scaling.target = 70: must be at most 1.0",
        ),
        (
            "[endpoints.idle.scaling]\ntarget = 0.5",
            "endpoints.idle.scaling.max_capacity: missing; add it (required)",
        ),
        (
            f'{SCALED}follows = "concurrency"',
            'endpoints.idle.scaling.follows = "concurrency": unknown key: the service publishes'
            " one load of a serverless endpoint, the share in use; remove it, or use kind ="
            ' "realtime"',
        ),
        (
            f'{SCALED}[endpoints.idle.scaling.schedules.night]\nat = "rate(1 day)"\n'
            "min_capacity = 0\nmax_capacity = 1",
            "endpoints.idle.scaling.schedules.night.min_capacity = 0: must be at least 1: what is"
            " scaled keeps some concurrency provisioned",
        ),
        (
            f'{SCALED}[endpoints.idle.scaling.schedules.rush]\nat = "rate(1 day)"\n'
            "min_capacity = 1\nmax_capacity = 21",
            "endpoints.idle.scaling.schedules.rush.max_capacity = 21: must be at most"
            " max_concurrency, 20",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(
    tmp_path: Path, lines: str, said: str
) -> None:
    text = SETTINGS
    if lines.startswith("provisioned"):
        text = text.replace("provisioned_concurrency = 2\n", "")
    with pytest.raises(SettingsError) as refusal:
        parsed(tmp_path, text + lines)
    assert refusal.value.faults == [said]
