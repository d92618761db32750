"""Metrics of an asynchronous endpoint (contracts 5.5)."""

from __future__ import annotations

from local_aws import adapter

NAMESPACE = "AWS/SageMaker"


class AsyncMetrics:
    """Publishes under the endpoint alone, or under endpoint and variant, as each metric is."""

    def __init__(self, endpoint_name: str, variant_name: str) -> None:
        self._endpoint = {"EndpointName": endpoint_name}
        self._variant = {**self._endpoint, "VariantName": variant_name}

    def queue(self, *, backlog: int, instances: int, oldest_seconds: float) -> None:
        """Publish the four metrics that scaling policies and alarms look at."""
        per_instance = backlog / max(1, instances)  # at zero instances: the backlog itself
        self._put("ApproximateBacklogSize", backlog, "Count")
        self._put("ApproximateBacklogSizePerInstance", per_instance, "Count")
        self._put("HasBacklogWithoutCapacity", int(backlog > 0 and instances == 0), "Count")
        self._put("ApproximateAgeOfOldestRequest", oldest_seconds, "Seconds")

    def count(self, name: str) -> None:
        """Publish one event of the variant: a request processed, expired, failed."""
        adapter.put_metric(NAMESPACE, name, 1, unit="Count", dimensions=self._variant)

    def time(self, name: str, value: float, unit: str) -> None:
        """Publish a duration of the variant."""
        adapter.put_metric(NAMESPACE, name, value, unit=unit, dimensions=self._variant)

    def _put(self, name: str, value: float, unit: str) -> None:
        adapter.put_metric(NAMESPACE, name, value, unit=unit, dimensions=self._endpoint)
