"""What an endpoint's stack says of its champion and its challenger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops import activity, aws, cloudformation
from ops.errors import OpsError
from ops.settings import Deployment

CHAMPION, CHALLENGER = "ModelPackageArn", "ChallengerModelPackageArn"
WEIGHT, WEIGHTS_ANEW = "ChallengerWeight", "ApplyConfiguredWeights"
# Only where the challenger answers requests: SageMaker lets a shadow come and go under guardrails.
VARIANTS_CHANGE = "ChangeVariants"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """An endpoint whose settings know a challenger; `challenger` is empty while there is none."""

    name: str
    endpoint: str
    stack: str
    group: str
    values: Mapping[str, str]
    weights: tuple[str, ...]

    @property
    def champion(self) -> str:
        """The model package that is served."""
        return self.values[CHAMPION]

    @property
    def challenger(self) -> str:
        """The model package it is compared with."""
        return self.values[CHALLENGER]

    @property
    def weight(self) -> str:
        """Percent of the requests, or of copies for a shadow."""
        return self.values[WEIGHT]

    @property
    def shadow(self) -> bool:
        """Whether the challenger gets copies nobody waits for."""
        return VARIANTS_CHANGE not in self.values


def find(deployment: Deployment, name: str) -> Contest:
    """The contest of the endpoint called `name`; refused where there can be none."""
    stack = activity.stack_of(deployment, name)
    cfn = aws.client("cloudformation")
    [described] = cfn.describe_stacks(StackName=stack)["Stacks"]
    values = cloudformation.parameters(described)
    short = stack.removeprefix(f"{deployment.prefix}-endpoint-")
    if CHALLENGER not in values:
        raise OpsError(
            f"{short} has no challenger in its settings",
            fix=f"write [endpoints.{short}.challenger] into config/{deployment.env}.toml (a"
            " real-time endpoint may have one), then make deploy",
        )
    if not values[CHAMPION]:
        raise OpsError(
            f"{short} serves no model yet: there is nothing to challenge", fix="make approve"
        )
    if values.get(activity.PARAMETER) == "false":
        raise OpsError(f"{short} is stopped", fix=f"make start ENDPOINT={short}")
    declared = cfn.get_template(StackName=stack)["TemplateBody"]["Parameters"]
    return Contest(
        name=short,
        endpoint=aws.published_under(deployment, "endpoints")[short],
        stack=stack,
        group=cloudformation.outputs(described)["ModelPackageGroup"],
        values=values,
        weights=tuple(str(one) for one in declared[WEIGHT]["AllowedValues"]),
    )


def version_of(arn: str) -> str:
    """The version a model package's ARN ends in."""
    return arn.rpartition("/")[2]
