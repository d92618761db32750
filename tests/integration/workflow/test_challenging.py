"""A challenger beside the deployed endpoint, from its first request to its promotion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment
from support.local_aws_server import REPOSITORY
from typer.testing import CliRunner

from ops import aws, cloudformation
from ops.__main__ import app
from stacks.endpoint import EndpointStack
from stacks.images import Images
from stacks.names import Names
from stacks.settings import parse

STACK, ENDPOINT = "flights-local-endpoint-realtime", "flights-local-realtime"


@dataclass(frozen=True, kw_only=True)
class Contest:
    first: str  # the model package everybody serves
    second: str  # an approved version nobody serves


@pytest.fixture
def contest(workflow: Any, tmp_path: Path) -> Iterator[Contest]:
    """The deployed stack has a challenger in its settings, and the registry a second version."""
    sagemaker, first = workflow.client("sagemaker"), workflow.run.package["ModelPackageArn"]
    package = sagemaker.describe_model_package(ModelPackageName=first)
    second = sagemaker.create_model_package(
        ModelPackageGroupName=package["ModelPackageGroupName"],
        InferenceSpecification=package["InferenceSpecification"],
        ModelApprovalStatus="PendingManualApproval",
    )["ModelPackageArn"]
    before = workflow.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
    try:
        update(challenged(tmp_path))
        yield Contest(first=first, second=second)
    finally:
        update(before, ModelPackageArn=first)
        sagemaker.delete_model_package(ModelPackageName=second)


def challenged(folder: Path) -> dict[str, Any]:
    """The endpoint's template as the config with a challenger makes it."""
    file = folder / "local.toml"
    more = "[endpoints.realtime.challenger]\nweight = 10\n"
    written = (REPOSITORY / "config/local.toml").read_text()
    file.write_text(written.replace("[endpoints.serverless]", f"{more}[endpoints.serverless]"))
    settings = parse(file)
    made = App(outdir=str(folder / "cdk.out"), analytics_reporting=False)
    EndpointStack(
        made,
        STACK,
        name="realtime",
        settings=settings,
        names=Names(project="flights", environment="local"),
        images=Images.of(REPOSITORY / "containers"),
        env=Environment(region=settings.region),
    )
    template: dict[str, Any] = made.synth().get_stack_by_name(STACK).template
    return template


def update(template: dict[str, Any], **values: str) -> None:
    """The stack has this template, and every value that is not given as it is."""
    [found] = cloudformation.stacks(STACK)
    kept = set(cloudformation.parameters(found)) & set(template["Parameters"]) - set(values)
    aws.client("cloudformation").update_stack(
        StackName=STACK,
        TemplateBody=json.dumps(template),
        Parameters=[
            *({"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept)),
            *({"ParameterKey": k, "ParameterValue": v} for k, v in values.items()),
        ],
        Capabilities=cloudformation.CAPABILITIES,
    )
    assert cloudformation.settle(STACK, patience=120) == "UPDATE_COMPLETE"


def told(*command: str) -> str:
    ran = CliRunner().invoke(app, list(command))
    assert ran.exit_code == 0, f"{ran.output}{ran.exception}"
    return ran.output


def asked(times: int) -> set[str]:
    """The variants that answered."""
    runtime = aws.client("sagemaker-runtime")
    row = {"instances": [{"carrier": "UA", "origin": "EWR"}]}
    return {
        runtime.invoke_endpoint(
            EndpointName=ENDPOINT, ContentType="application/json", Body=json.dumps(row)
        )["InvokedProductionVariant"]
        for _ in range(times)
    }


def variants() -> dict[str, tuple[str, float]]:
    """The model package each variant serves, and its weight."""
    sagemaker = aws.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    weights = {v["VariantName"]: v["CurrentWeight"] for v in endpoint["ProductionVariants"]}
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    return {
        one["VariantName"]: (
            sagemaker.describe_model(ModelName=one["ModelName"])["PrimaryContainer"][
                "ModelPackageName"
            ],
            pytest.approx(weights[one["VariantName"]], abs=1e-4),
        )
        for one in config["ProductionVariants"]
    }


def test_a_version_challenges_is_weighed_compared_and_promoted(contest: Contest) -> None:
    number = contest.second.rpartition("/")[2]
    refused = CliRunner().invoke(app, ["challenge", "realtime", "--version", number])
    assert "is PendingManualApproval" in str(refused.exception)
    told("approve", number, "--only")
    assert variants() == {"primary": (contest.first, 1.0)}, "approved, and nowhere served"

    told("challenge", "realtime", "--version", number, "--weight", "50")
    assert variants() == {"primary": (contest.first, 1), "challenger": (contest.second, 1)}
    assert asked(40) == {"primary", "challenger"}
    assert "was so already" in told("challenge", "realtime", "--version", number)

    shown = told("challenge", "realtime", "--weight", "20")
    assert variants()["challenger"] == (contest.second, 0.25)
    assert {"80%", "20%"} <= set(shown.replace("│", " ").split())
    requests = next(line for line in shown.splitlines() if "│ requests" in line)
    assert all(int(count) > 0 for count in requests.replace("│", " ").split()[1:])

    assert f"serves version {number}" in told("promote", "realtime")
    assert variants() == {"primary": (contest.second, 1)}
    assert asked(5) == {"primary"}
    [stack] = cloudformation.stacks(STACK)
    values = cloudformation.parameters(stack)
    assert (values["ModelPackageArn"], values["ChallengerModelPackageArn"]) == (contest.second, "")
