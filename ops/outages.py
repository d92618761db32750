"""What a deployment would take away from callers, found before it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops import aws, cloudformation
from ops.errors import OpsError

ENDPOINT = "AWS::SageMaker::Endpoint"
ACTIVE = "Active"
Template = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A live endpoint that would stop answering; `possible` when it can be done all the same."""

    stack: str
    endpoint: str
    why: str
    possible: bool = True


def refuse(
    templates: Mapping[str, Template], *, meant: Sequence[str], overrides: Sequence[str] = ()
) -> None:
    """Raise OpsError, with every endpoint that would go, unless each is `meant` to.

    Overrides are `Stack:Key=value`; every other parameter has its config value.
    """
    given = dict(one.split("=", 1) for one in overrides)
    found = [o for o in _outages(templates, given) if not o.possible or o.endpoint not in meant]
    if not found:
        return
    sentences = "; ".join(f"{o.stack}: {o.endpoint} {o.why}" for o in found)
    names = " ".join(f"--replace {o.endpoint}" for o in found if o.possible)
    raise OpsError(
        f"this deployment would end what callers use: {sentences}",
        fix=(
            f"let them go with {names}"
            if names and all(o.possible for o in found)
            else "give the new kind another name, move the callers, then take the old one away"
        ),
    )


def _outages(templates: Mapping[str, Template], given: Mapping[str, str]) -> Iterator[Outage]:
    for stack, wanted in templates.items():
        if cloudformation.status(stack) == cloudformation.MISSING:
            continue
        live = cloudformation.resources(stack, ENDPOINT)
        if not live:
            continue
        body = aws.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
        yield from outages(stack, body, wanted, live, given.get(f"{stack}:{ACTIVE}"))


def outages(
    stack: str,
    deployed: Template,
    wanted: Template,
    live: set[str],
    active: str | None = None,
) -> Iterator[Outage]:
    """The live endpoints of a stack (by logical id) that `wanted` does not go on with.

    `active` overrides what the config says the parameter Active is.
    """
    config = wanted.get("Parameters", {}).get(ACTIVE, {}).get("Default")
    after = wanted.get("Resources", {})
    for logical_id in sorted(live):
        resource = deployed["Resources"].get(logical_id)
        if resource is None:
            continue
        name = str(resource["Properties"].get("EndpointName", logical_id))
        if logical_id not in after:
            yield Outage(stack=stack, endpoint=name, why="would be deleted")
            continue
        new_name = str(after[logical_id]["Properties"].get("EndpointName", logical_id))
        if new_name != name:
            yield Outage(
                stack=stack,
                endpoint=name,
                why=f"would be deleted once {new_name} is there, as an endpoint cannot be renamed",
            )
        elif (active or config) == "false":
            because = f"{ACTIVE} is overridden with false" if active else "active = false in config"
            yield Outage(stack=stack, endpoint=name, why=f"would be deleted, as {because}")
        elif _serverless(wanted, logical_id) and not _serverless(deployed, logical_id):
            yield Outage(
                stack=stack,
                endpoint=name,
                why="runs on instances and cannot become serverless",
                possible=False,
            )


def _serverless(template: Template, endpoint: str) -> bool:
    config = template["Resources"][endpoint]["Properties"]["EndpointConfigName"]
    match config:
        case {"Fn::GetAtt": [str(logical_id), _]} | {"Ref": str(logical_id)}:
            variants = template["Resources"][logical_id]["Properties"]["ProductionVariants"]
            return any("ServerlessConfig" in one for one in variants)
    return False
