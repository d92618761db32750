"""Metrics read from what a training container prints (contracts 1.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local_aws import adapter
from local_aws.runtime.containers import RuntimeFailure

NAMESPACE = "/aws/sagemaker/TrainingJobs"


class MetricReader:
    """Applies a job's metric definitions to each line; keeps the last value of each name."""

    def __init__(self, definitions: Sequence[Mapping[str, str]], *, job_name: str) -> None:
        self._job_name = job_name
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        self._last: dict[str, dict[str, Any]] = {}
        for definition in definitions:
            try:
                pattern = re.compile(definition["Regex"])
            except re.error as error:
                raise RuntimeFailure(
                    f"metric {definition['Name']!r}: {definition['Regex']!r} is no regular"
                    f" expression: {error}"
                ) from error
            if pattern.groups < 1:
                raise RuntimeFailure(
                    f"metric {definition['Name']!r}: {definition['Regex']!r} has no group for the"
                    " value"
                )
            self._patterns.append((definition["Name"], pattern))

    def read(self, line: str) -> None:
        """Publish every metric the line holds; group 1 is the value."""
        for name, pattern in self._patterns:
            match = pattern.search(line)
            if match is None:
                continue
            try:
                value = float(match.group(1))
            except (TypeError, ValueError):
                continue  # a definition that also matches other lines; SageMaker drops those too
            now = datetime.now(UTC)
            self._last[name] = {"MetricName": name, "Value": value, "Timestamp": now}
            adapter.put_metric(
                NAMESPACE,
                name,
                value,
                unit="None",
                dimensions={"TrainingJobName": self._job_name},
                timestamp=now,
            )

    def final(self) -> list[dict[str, Any]]:
        """Return FinalMetricDataList: the last value of each metric that was seen."""
        return list(self._last.values())
