"""`make stop` and `make start` of a deployed endpoint: only what costs money goes and comes."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from ops import cloudformation, training
from ops.__main__ import app

STACK = "flights-local-endpoint-realtime"


def told(*command: str) -> str:
    ran = CliRunner().invoke(app, list(command))
    assert ran.exit_code == 0, ran.output
    return ran.output


def active() -> tuple[str, str]:
    (found,) = cloudformation.stacks(STACK)
    return found["StackStatus"], cloudformation.parameters(found)["Active"]


def test_a_stopped_endpoint_is_gone_and_a_started_one_answers_as_before(workflow: Any) -> None:
    sagemaker = workflow.client("sagemaker")
    packages = training.packages("flights-local")
    scaling = workflow.client("application-autoscaling")
    targets = {"ServiceNamespace": "sagemaker"}
    target = "endpoint/flights-local-realtime/variant/primary"

    def scaled() -> set[str]:
        found = scaling.describe_scalable_targets(**targets)["ScalableTargets"]
        return {one["ResourceId"] for one in found}

    assert target in scaled()
    told("stop", "realtime")
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName="flights-local-realtime")
    assert active() == ("UPDATE_COMPLETE", "false")
    assert target not in scaled(), "nothing is left to scale what is gone"

    told("start", "realtime")
    found = sagemaker.describe_endpoint(EndpointName="flights-local-realtime")
    assert found["EndpointStatus"] == "InService"
    assert active() == ("UPDATE_COMPLETE", "true")
    assert target in scaled()
    assert training.packages("flights-local") == packages, "the model is the one there was"
