"""A challenger is set, weighed, promoted and ended by parameters of the endpoint's own stack."""

from __future__ import annotations

from typing import Any

import pytest
from support.aws_fakes import Paginated, refused
from typer.testing import CliRunner

from ops import challenge
from ops.__main__ import app
from ops.errors import OpsError
from ops.settings import Deployment

STACK = "shop-dev-endpoint-live"
ARN = "arn:aws:sagemaker:us-east-1:222233334444:model-package/shop-dev"
REST = {"ChangeVariants": "false", "ApplyConfiguredWeights": "false"}


class Stack:
    """CloudFormation with the stack of one endpoint, which an update changes at once."""

    def __init__(self) -> None:
        self.values = {
            "Active": "true",
            "ModelPackageArn": f"{ARN}/1",
            "ChallengerModelPackageArn": "",
            "ChallengerWeight": "10",
            "MaxCapacity": "7",
            **REST,
        }
        self.asked: list[dict[str, str]] = []
        self.events: list[dict[str, Any]] = []
        self.refuses = ""

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        held = [{"ParameterKey": k, "ParameterValue": v} for k, v in self.values.items()]
        said = [{"OutputKey": "ModelPackageGroup", "OutputValue": "shop-dev"}]
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Parameters": held, "Outputs": said}]}

    def get_template(self, **_: str) -> dict[str, Any]:
        allowed = {"ChallengerWeight": {"AllowedValues": ["0", "10", "50"]}}
        return {"TemplateBody": {"Parameters": allowed}}

    def get_paginator(self, name: str) -> Any:
        return Paginated(
            describe_stack_events=lambda **_: {"StackEvents": self.events}
        ).get_paginator(name)

    def update_stack(self, **asked: Any) -> None:
        assert asked["UsePreviousTemplate"] is True
        said = {p["ParameterKey"]: p.get("ParameterValue") for p in asked["Parameters"]}
        assert set(said) == set(self.values), "every parameter is named, or it takes its default"
        given = {key: value for key, value in said.items() if value is not None}
        self.asked.append({k: v for k, v in given.items() if self.values[k] != v or k in REST})
        if self.refuses in given:
            raise refused("ValidationError", "somebody is quicker")
        self.values.update(given)


class Registry:
    """Versions 1 to 3 of one group; the last one waits for approval. One endpoint."""

    def __init__(self) -> None:
        self.variants = [
            {"VariantName": "primary", "CurrentWeight": 1.0, "CurrentInstanceCount": 4},
            {"VariantName": "challenger", "CurrentWeight": 0.25, "CurrentInstanceCount": 1},
        ]

    def get_paginator(self, name: str) -> Any:
        versions = [
            {
                "ModelPackageArn": f"{ARN}/{number}",
                "ModelPackageVersion": number,
                "ModelApprovalStatus": "PendingManualApproval" if number == 3 else "Approved",
            }
            for number in (1, 2, 3)
        ]
        return Paginated(
            list_model_packages=lambda **_: {"ModelPackageSummaryList": versions}
        ).get_paginator(name)

    def describe_model_package(self, ModelPackageName: str) -> dict[str, str]:  # noqa: N803
        pending = ModelPackageName.endswith("/3")
        status = "PendingManualApproval" if pending else "Approved"
        return {"ModelPackageArn": ModelPackageName, "ModelApprovalStatus": status}

    def describe_endpoint(self, **_: str) -> dict[str, Any]:
        return {"ProductionVariants": self.variants}


class CloudWatch:
    """40 requests for the first variant and 10 for the other, half of which failed."""

    def __init__(self) -> None:
        self.periods: set[int] = set()

    def get_metric_data(self, **asked: Any) -> dict[str, Any]:
        return {"MetricDataResults": [self._of(one) for one in asked["MetricDataQueries"]]}

    def _of(self, query: dict[str, Any]) -> dict[str, Any]:
        stat = query["MetricStat"]
        self.periods.add(stat["Period"])
        named = {one["Name"]: one["Value"] for one in stat["Metric"]["Dimensions"]}
        assert named["EndpointName"] == "shop-dev-live"
        first = named["VariantName"] == "primary"
        values = {
            "Invocations": [30.0, 10.0] if first else [10.0],
            "Invocation5XXErrors": [0.0] if first else [5.0],
            "Invocation4XXErrors": [],
            "InvocationModelErrors": [0.0] if first else [5.0],
        }
        latency = {"p50": [1000.0, 3000.0], "p99": [2000.0, 6000.0], "SampleCount": [30.0, 10.0]}
        metric = stat["Metric"]["MetricName"]
        found = latency[stat["Stat"]] if metric == "ModelLatency" else values[metric]
        return {"Id": query["Id"], "Values": found if first or metric != "ModelLatency" else []}


@pytest.fixture
def stack(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack()
    named = [{"Name": "/shop/dev/endpoints/live", "Value": "shop-dev-live"}]
    services["ssm"] = Paginated(get_parameters_by_path=lambda **_: {"Parameters": named})
    services["cloudformation"], services["sagemaker"] = made, Registry()
    services["cloudwatch"] = CloudWatch()
    monkeypatch.setenv("WORKFLOW_PROJECT", "shop")
    monkeypatch.setenv("WORKFLOW_ENV", "dev")
    return made


def found() -> challenge.Contest:
    return challenge.find(Deployment(project="shop", env="dev"), "live")


def refusal(*command: str) -> str:
    told = CliRunner().invoke(app, list(command))
    assert isinstance(told.exception, OpsError), told.output
    return f"{told.exception.message} | {told.exception.fix}"


def challenged(stack: Stack) -> Stack:
    stack.values["ChallengerModelPackageArn"] = f"{ARN}/2"
    return stack


def test_a_version_joins_at_its_weight_in_one_update_without_guardrails(stack: Stack) -> None:
    """Guardrails need the same variants before and after (contracts 3.6)."""
    assert challenge.start(found(), "2", 50)
    assert stack.asked == [
        {
            "ChallengerModelPackageArn": f"{ARN}/2",
            "ChallengerWeight": "50",
            "ChangeVariants": "true",
            "ApplyConfiguredWeights": "false",
        }
    ]


def test_what_was_asked_of_one_update_is_not_asked_of_the_next(stack: Stack) -> None:
    challenge.start(found(), "2", 50)
    challenge.weigh(found(), 10)
    assert stack.values["ChangeVariants"] == "false"
    assert stack.values["ApplyConfiguredWeights"] == "true"
    assert stack.asked[-1]["ChallengerWeight"] == "10"


def test_starting_the_same_one_again_changes_nothing(stack: Stack) -> None:
    assert challenge.start(found(), "2", 50)
    assert not challenge.start(found(), "2", 50)
    assert not challenge.start(found(), "2")
    assert not challenge.weigh(found(), 50)
    assert len(stack.asked) == 1


def test_another_version_takes_the_challengers_place_under_guardrails(stack: Stack) -> None:
    challenged(stack).values["ModelPackageArn"] = f"{ARN}/3"
    assert challenge.start(found(), "1")
    assert stack.asked == [{"ChallengerModelPackageArn": f"{ARN}/1", **REST}]


def test_promotion_rolls_the_version_out_first_and_lets_the_challenger_go_then(
    stack: Stack,
) -> None:
    challenged(stack)
    assert challenge.promote(found()) == f"{ARN}/2"
    assert stack.asked == [
        {"ModelPackageArn": f"{ARN}/2", **REST},
        {"ChallengerModelPackageArn": "", **REST, "ChangeVariants": "true"},
    ]


def test_a_promotion_that_is_refused_leaves_the_challenger(stack: Stack) -> None:
    challenged(stack).refuses = "ModelPackageArn"
    with pytest.raises(OpsError, match=r"refuses ModelPackageArn=.*: somebody is quicker"):
        challenge.promote(found())
    assert stack.values["ChallengerModelPackageArn"] == f"{ARN}/2"


def test_a_promotion_that_was_interrupted_is_finished(stack: Stack) -> None:
    challenged(stack).values["ModelPackageArn"] = f"{ARN}/2"
    challenge.promote(found())
    assert stack.asked == [{"ChallengerModelPackageArn": "", **REST, "ChangeVariants": "true"}]


def test_a_shadow_comes_and_goes_under_guardrails(stack: Stack) -> None:
    del stack.values["ChangeVariants"], stack.values["ApplyConfiguredWeights"]
    assert challenge.start(found(), "2")
    assert challenge.end(found())
    assert [set(asked) for asked in stack.asked] == [{"ChallengerModelPackageArn"}] * 2


def test_ending_what_is_not_there_changes_nothing(stack: Stack) -> None:
    assert not challenge.end(found())
    assert stack.asked == []


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("command", "says"),
    [
        (
            ("challenge", "other", "--version", "2"),
            "there is no endpoint called 'other' | the workflow's own are: live",
        ),
        (
            ("challenge", "live", "--version", "9"),
            "shop-dev has no version 9; it has 3 (PendingManualApproval), 2 (Approved), "
            "1 (Approved) | upload data first: make upload",
        ),
        (
            ("challenge", "live", "--version", "newest"),
            "'newest' is not a model version | give a number (3), a model package ARN, or "
            "nothing for the newest pending one",
        ),
        (
            ("challenge", "live", "--version", "3"),
            "version 3 of shop-dev is PendingManualApproval, and only an approved one is served "
            "| make approve VERSION=3 ONLY=1 approves it and leaves what is served",
        ),
        (
            ("challenge", "live", "--version", "1"),
            "version 1 is what live serves: it cannot challenge itself | choose another version",
        ),
        (
            ("challenge", "live", "--version", f"{ARN}-other/2"),
            f"{ARN}-other/2 is not of shop-dev, the group live follows | give a version of it by "
            "its number",
        ),
        (
            ("challenge", "live", "--version", "2", "--weight", "100"),
            "weight 100 is not one live can have | choose one of 0, 10, 50 percent; another "
            "becomes possible as weight of [endpoints.live.challenger]",
        ),
        (
            ("challenge", "live", "--version", "none", "--weight", "10"),
            "VERSION=none ends the challenge: a weight means nothing with it | None",
        ),
        (
            ("challenge", "live", "--weight", "10"),
            "nothing challenges live: there is no weight to change | make challenge "
            "ENDPOINT=live VERSION=<n> WEIGHT=10",
        ),
        (
            ("promote", "live"),
            "nothing challenges live: there is nothing to promote | make challenge ENDPOINT=live "
            "VERSION=<n>, or make approve",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_changes(
    stack: Stack, command: tuple[str, ...], says: str
) -> None:
    assert refusal(*command) == says
    assert stack.asked == []


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        (
            "ModelPackageArn",
            "",
            "live serves no model yet: there is nothing to challenge | make approve",
        ),
        ("Active", "false", "live is stopped | make start ENDPOINT=live"),
        (
            "ChallengerModelPackageArn",
            None,
            "live has no challenger in its settings | write [endpoints.live.challenger] into "
            "config/dev.toml (a real-time endpoint may have one), then make deploy",
        ),
    ],
)
def test_an_endpoint_that_cannot_be_challenged_says_why(
    stack: Stack, parameter: str, value: str | None, says: str
) -> None:
    if value is None:
        del stack.values[parameter]
    else:
        stack.values[parameter] = value
    assert refusal("challenge", "live", "--version", "2") == says
    assert refusal("promote", "live") == says


def test_both_are_shown_side_by_side(stack: Stack, services: dict[str, Any]) -> None:
    challenged(stack)
    told = CliRunner().invoke(app, ["challenge", "live", "--minutes", "30"])
    assert told.exit_code == 0, told.exception
    rows = [
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]
        for line in told.output.splitlines()
        if line[:1] in "│┃"
    ]
    assert rows == [
        ["", "primary", "challenger"],
        ["version", "1", "2"],
        ["of the requests", "80%", "20%"],
        ["instances", "4", "1"],
        ["requests", "40", "10"],
        ["4xx", "0", "0"],
        ["5xx", "0", "5 (50.0%)"],
        ["model errors", "0", "5 (50.0%)"],
        ["latency p50, ms", "1.5", "-"],
        ["latency p99, ms", "3.0", "-"],
    ]
    assert services["cloudwatch"].periods == {1800}


def test_without_a_challenger_the_first_is_shown_alone(stack: Stack, services: Any) -> None:
    services["sagemaker"].variants.pop()
    told = CliRunner().invoke(app, ["challenge", "live"])
    assert "nothing challenges live: shop-dev-live serves version 1" in told.output
    assert "challenger │" not in told.output
    assert stack.asked == []


def test_a_challenger_is_promoted_by_one_command(stack: Stack) -> None:
    challenged(stack)
    told = CliRunner().invoke(app, ["promote", "live"])
    assert told.exit_code == 0, told.exception
    assert "shop-dev-live serves version 2, nothing challenges it" in told.output
    assert stack.values["ModelPackageArn"] == f"{ARN}/2"
