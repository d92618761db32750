"""Champion and challenger side by side, by what CloudWatch was told of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from ops import aws
from ops.challenge.contest import Contest, version_of

NAMESPACE = "AWS/SageMaker"
COUNTED = {
    "requests": "Invocations",
    "4xx": "Invocation4XXErrors",
    "5xx": "Invocation5XXErrors",
    "model errors": "InvocationModelErrors",
}
LATENCIES = ("p50", "p99")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One variant in the minutes asked for; latencies in milliseconds, None without a request."""

    variant: str
    version: str
    instances: int
    share: float  # of the requests; of copies for a shadow
    counts: dict[str, int]
    latency_ms: dict[str, float | None]


def sides(contest: Contest, minutes: int) -> list[Side]:
    """The endpoint's variants as they are now, the champion first."""
    found = aws.client("sagemaker").describe_endpoint(EndpointName=contest.endpoint)
    variants: list[dict[str, Any]] = found["ProductionVariants"]
    shadows: list[dict[str, Any]] = found.get("ShadowProductionVariants") or []
    whole = sum(float(one["CurrentWeight"]) for one in variants)
    versions = [version_of(contest.champion), version_of(contest.challenger)]
    known = zip([*variants, *shadows], versions, strict=False)
    return [
        Side(
            variant=str(one["VariantName"]),
            version=version,
            instances=int(one.get("CurrentInstanceCount", 0)),
            share=float(one["CurrentWeight"]) / (1.0 if one in shadows else whole or 1.0),
            **_measured(contest.endpoint, str(one["VariantName"]), minutes),
        )
        for one, version in known
    ]


def table(contest: Contest, compared: Sequence[Side], minutes: int) -> Table:
    """A row for each number, a column for each variant."""
    made = Table(
        title=f"{contest.endpoint}, last {minutes} min", title_justify="left", header_style="bold"
    )
    made.add_column("", no_wrap=True)
    for one in compared:
        made.add_column(one.variant, justify="right", no_wrap=True)
    of = "copied" if contest.shadow else "of the requests"
    made.add_row("version", *(one.version for one in compared))
    first, *others = (f"{one.share:.0%}" for one in compared)
    made.add_row(of, "all" if contest.shadow else first, *others)
    made.add_row("instances", *(str(one.instances) for one in compared))
    made.add_section()
    for name in COUNTED:
        made.add_row(name, *(_counted(one, name) for one in compared))
    for name in LATENCIES:
        made.add_row(f"latency {name}, ms", *(_shown(one.latency_ms[name]) for one in compared))
    return made


def _counted(side: Side, name: str) -> str:
    count, of = side.counts[name], side.counts["requests"]
    return f"{count:,}" if name == "requests" or not count else f"{count:,} ({count / of:.1%})"


def _shown(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.1f}"


def _measured(endpoint: str, variant: str, minutes: int) -> dict[str, Any]:
    asked = {name.replace(" ", "_"): (metric, "Sum") for name, metric in COUNTED.items()}
    asked |= {stat: ("ModelLatency", stat) for stat in LATENCIES}
    asked["samples"] = ("ModelLatency", "SampleCount")
    values = _values(endpoint, variant, asked, minutes)
    return {
        "counts": {name: round(sum(values[name.replace(" ", "_")])) for name in COUNTED},
        "latency_ms": {stat: _mean(values[stat], values["samples"]) for stat in LATENCIES},
    }


def _values(
    endpoint: str, variant: str, asked: dict[str, tuple[str, str]], minutes: int
) -> dict[str, list[float]]:
    """What CloudWatch has of each, oldest first: one value, or two where its periods meet."""
    now = datetime.now(UTC)
    dimensions = [
        {"Name": "EndpointName", "Value": endpoint},
        {"Name": "VariantName", "Value": variant},
    ]
    answer = aws.client("cloudwatch").get_metric_data(
        StartTime=now - timedelta(minutes=minutes),
        EndTime=now + timedelta(minutes=1),
        ScanBy="TimestampAscending",
        MetricDataQueries=[
            {
                "Id": f"q_{name}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": NAMESPACE,
                        "MetricName": metric,
                        "Dimensions": dimensions,
                    },
                    "Period": minutes * 60,
                    "Stat": stat,
                },
            }
            for name, (metric, stat) in asked.items()
        ],
    )
    return {str(one["Id"])[2:]: list(one["Values"]) for one in answer["MetricDataResults"]}


def _mean(microseconds: Iterable[float], samples: Iterable[float]) -> float | None:
    """In milliseconds, each part by how many requests it speaks of."""
    parts = list(zip(microseconds, samples, strict=False))
    total = sum(count for _, count in parts)
    return sum(value * count for value, count in parts) / total / 1000 if total else None
