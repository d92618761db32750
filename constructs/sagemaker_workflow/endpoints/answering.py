"""What endpoints share that answer within the call: metrics of a request, and its alarms."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch

from sagemaker_workflow.endpoints.alarms import AlarmSpec, error_alarm, latency_alarm
from sagemaker_workflow.endpoints.base import Endpoint
from sagemaker_workflow.endpoints.specs import Rollout


class AnsweringEndpoint(Endpoint):
    """An endpoint that counts its requests; the service counts none of an asynchronous one."""

    def metric_invocations(self) -> cloudwatch.Metric:
        """Requests a minute."""
        return self.metric("Invocations")

    def metric_errors(self) -> cloudwatch.Metric:
        """Requests a minute that the endpoint answered with 5xx."""
        return self.metric("Invocation5XXErrors")

    def metric_model_errors(self) -> cloudwatch.Metric:
        """Requests a minute that the container did not answer with 2xx."""
        return self.metric("InvocationModelErrors")


def request_alarms(rollout: Rollout, slow_ms: float) -> list[AlarmSpec]:
    """Errors of the endpoint, errors of the model, and slowness."""
    most = rollout.max_errors
    return [
        error_alarm("ServerErrors", "Invocation5XXErrors", most, "requests end in a 5xx error"),
        error_alarm("ModelErrors", "InvocationModelErrors", most, "the container answers in error"),
        latency_alarm(rollout.max_latency_ms or slow_ms),
    ]
