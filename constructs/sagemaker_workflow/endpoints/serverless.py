"""An endpoint whose machines come with the requests, for traffic that comes and goes."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from sagemaker_workflow.endpoints import faults as check
from sagemaker_workflow.endpoints.answering import AnsweringEndpoint, request_alarms
from sagemaker_workflow.endpoints.specs import Capture, Operations, Rollout, Scaling, Serverless
from sagemaker_workflow.endpoints.variants import serverless_variant
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.model import Model

_SLOW_MS = 10_000


class ServerlessEndpoint(AnsweringEndpoint):
    """A serverless endpoint serves the model: one container, not isolated, not in a VPC.

    >>> model = Model(self, "Model", serves=container, isolated=False)  # doctest: +SKIP
    >>> ServerlessEndpoint(self, "Churn", model=model)  # doctest: +SKIP
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        model: Model,
        name: str | None = None,
        capacity: Serverless | None = None,
        rollout: Rollout | None = None,
        capture: Capture | None = None,
        scaling: Scaling | None = None,
        operations: Operations | None = None,
    ) -> None:
        """Make the endpoint; it exists while the model's condition holds.

        :param model: what is served; made with isolated=False
        :param name: the endpoint's name, which stays. Default: one made from the path in the app
        :param capacity: memory and concurrency. Default: 2048 MB, five requests at once
        :param rollout: how updates happen. Default: all at once, watched for five minutes
        :param capture: not supported by the service: refused
        :param scaling: provisioned concurrency follows its use. Default: it stays as configured
        :param operations: key, parameter, alarm topic, log retention
        """
        capacity, rollout = capacity or Serverless(), rollout or Rollout()
        faults = Faults(of="")
        check.check_serverless(capacity, model, faults)
        check.check_rollout(rollout, serverless=True, faults=faults)
        check.check_serverless_scaling(capacity, scaling, faults)
        check.check_metrics(operations or Operations(), on_instances=False, faults=faults)
        if capture is not None:
            faults.add(
                "capture is set, which serverless does not support: leave it out, or use "
                "RealtimeEndpoint"
            )
        super().__init__(
            scope,
            id_,
            model=model,
            name=name,
            operations=operations or Operations(),
            faults=faults,
        )
        self._deploy(
            variant=serverless_variant(model, capacity),
            rollout=rollout,
            alarms=request_alarms(rollout, _SLOW_MS),
            counts=(),
        )
        self.scaling = self._scale(
            scaling,
            follows="provisioned_concurrency",
            shape={
                "MemorySizeInMB": capacity.memory_mb,
                "MaxConcurrency": capacity.max_concurrency,
            },
        )

    def metric_cold_starts(self) -> cloudwatch.Metric:
        """How long a request had to wait for a new machine, in microseconds."""
        return self.metric("ModelSetupTime", statistic="Maximum")
