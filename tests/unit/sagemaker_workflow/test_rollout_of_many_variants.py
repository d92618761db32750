"""What decides in the template whether fleets can be split, when parameters hold their counts."""

from typing import Any

from aws_cdk import CfnParameter, Stack
from aws_cdk.assertions import Template

from sagemaker_workflow.endpoints import Instances, RealtimeEndpoint, Scaling, Variant
from sagemaker_workflow.model import Model


def test_any_of_ten_fleets_may_be_of_one(stack: Stack, model: Model) -> None:
    def number(name: str) -> Any:
        return CfnParameter(stack, name, type="Number").value_as_number

    RealtimeEndpoint(
        stack,
        "Compared",
        variants=[
            Variant(
                name=f"v{place}",
                model=model,
                capacity=Instances(count=number(f"Count{place}")),
                scaling=Scaling(min_capacity=number(f"Least{place}")),
            )
            for place in range(10)
        ],
    )
    [condition] = [
        one
        for name, one in Template.from_stack(stack).to_json()["Conditions"].items()
        if "SingleInstance" in name
    ]
    asked = _leaves(condition)
    assert len(asked) == 2 * 2 * 10
    assert {str(one["Fn::Equals"][0]["Ref"]) for one in asked} == {
        f"{what}{place}" for what in ("Count", "Least") for place in range(10)
    }


def _leaves(condition: dict[str, Any]) -> list[dict[str, Any]]:
    """The comparisons; each Fn::Or has two to ten (CloudFormation, condition functions)."""
    if "Fn::Or" not in condition:
        return [condition]
    assert 2 <= len(condition["Fn::Or"]) <= 10
    return [leaf for one in condition["Fn::Or"] for leaf in _leaves(one)]
