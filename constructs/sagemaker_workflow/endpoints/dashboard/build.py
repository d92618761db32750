"""The dashboard, and the JSON that is its body."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from sagemaker_workflow.endpoints.dashboard.graphs import (
    Kind,
    component_graphs,
    queue_graphs,
    variant_graphs,
)
from sagemaker_workflow.endpoints.dashboard.widgets import WIDE, region
from sagemaker_workflow.faults import known

_HOURS_A_MONTH = 730


def build_dashboard(scope: Construct, *, name: str, body: str) -> cloudwatch.CfnDashboard:
    """The dashboard `<name>-<region>` exists: dashboards are an account's, not a region's."""
    return cloudwatch.CfnDashboard(
        scope, "Dashboard", dashboard_name=f"{name}-{region()}", dashboard_body=body
    )


def dashboard_body(
    *,
    name: str,
    kind: Kind,
    variants: Sequence[str],
    alarms: Sequence[str],
    floors: Sequence[int],
    components: Mapping[str, str] | None = None,
    copies: Sequence[int] = (),
) -> str:
    """What the dashboard of one endpoint shows.

    :param variants: names of the variants that answer
    :param alarms: ARNs of the endpoint's alarms
    :param floors: instances of each fleet that are there whatever the load; none of serverless
    :param components: names of the components by their ids
    :param copies: of each component, whatever the load; where there is one there is an instance
    """
    graphs = [one for variant in variants for one in variant_graphs(name, kind, variant)]
    if kind == "asynchronous":
        graphs = [*queue_graphs(name), *graphs]
    for id_, component in (components or {}).items():
        graphs += component_graphs(id_, component)
    widgets: list[dict[str, Any]] = [
        {
            "type": "text",
            "width": 2 * WIDE,
            "height": 2,
            "properties": {"markdown": f"# {name}\n{kind}. {_cost(kind, floors, copies)}"},
        }
    ]
    if alarms:
        widgets.append(
            {
                "type": "alarm",
                "width": 2 * WIDE,
                "height": 2,
                "properties": {"title": "Alarms", "alarms": list(alarms)},
            }
        )
    widgets += graphs
    # References are names and numbers, in which JSON has nothing to escape.
    return json.dumps({"widgets": widgets}, ensure_ascii=False, separators=(",", ":"))


def _cost(kind: Kind, floors: Sequence[int], copies: Sequence[int]) -> str:
    """What it costs at least. No prices: none is known here, and they differ by region."""
    if not floors:
        return "No instances; only provisioned concurrency costs anything while nobody asks."
    if not all(map(known, floors)):
        least = " + ".join(map(str, floors))
        return (
            f"Never fewer than **{least}** instances: that many times {_HOURS_A_MONTH} "
            "instance-hours a month."
        )
    floor = sum(floors)
    if floor == 0 and not all(map(known, copies)):
        return (
            f"The instances that **{' + '.join(map(str, copies))}** copies take: nothing once "
            f"every component sleeps, else at least {_HOURS_A_MONTH} instance-hours a month."
        )
    floor = floor or min(1, sum(copies))
    if floor == 0:
        when = "once every component sleeps" if kind == "components" else "while nobody asks"
        return f"Down to **0** instances: nothing {when}."
    return (
        f"Never fewer than **{floor}** instance{'s' if floor > 1 else ''}: at least "
        f"**{floor * _HOURS_A_MONTH}** instance-hours a month."
    )
