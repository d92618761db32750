"""One stack per endpoint: what the approved package names, and the way it is served."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge
from sagemaker_workflow.endpoints import (
    AsyncEndpoint,
    AsyncResults,
    Instances,
    Operations,
    RealtimeEndpoint,
    Rollout,
    Scaling,
    Serverless,
    ServerlessEndpoint,
)
from sagemaker_workflow.log_retention import RETENTION
from sagemaker_workflow.notifications import Notifications
from stacks import parameters, settings
from stacks.images import Images
from stacks.names import Names
from stacks.served import approved_model, follow
from stacks.stored import Stored


class EndpointStack(Stack):
    """The endpoint `name` serves what `ModelPackageArn` names, while `Active`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        settings: settings.Settings,
        names: Names,
        images: Images,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, description=f"Serves models: {name}", **stack)
        self._block = settings.endpoints[name]
        self._name, self._names, self._settings = name, names, settings
        self._stored = Stored(self, names)
        self._artifacts = self._stored.bucket("artifacts")
        self._rollback = parameters.switch(
            self, "RollbackOnAlarm", "true", "false lets an update pass while an alarm fires"
        )
        self._email = parameters.email(self, self._block.notification_email, f"{name}'s alarms")
        alarms = Notifications(self, "Notifications", key=self._stored.key, email=self._email)
        self._operations = Operations(
            key=self._stored.key,
            parameter_name=names.parameter("endpoints", name),
            alarm_topic=alarms.topic,
            log_retention=RETENTION[settings.logs.retention_days],
            reserve_concurrency=settings.reserve_concurrency,
        )
        self._model = approved_model(
            self,
            image=images.inference(self, names),
            artifacts=self._artifacts,
            # The service has no isolation for serverless (contracts of serverless inference).
            isolated=self._block.kind != "serverless",
        )
        self._build()
        follow(self, self._block.model_package_group or settings.model_package_group)

    def _build(self) -> None:
        match self._block:
            case settings.Realtime():
                self._build_realtime(self._block)
            case settings.Serverless():
                self._build_serverless(self._block)
            case settings.Async():
                self._build_async(self._block)

    def _build_realtime(self, block: settings.Realtime) -> None:
        RealtimeEndpoint(
            self,
            "Endpoint",
            model=self._model,
            name=self._names.endpoint(self._name),
            capacity=self._instances(block),
            rollout=self._rollout(block.rollout, on_instances=True),
            scaling=self._scaling(block, 1, block.invocations_per_instance),
            operations=self._operations,
        )

    def _build_serverless(self, block: settings.Serverless) -> None:
        memory, concurrency, provisioned = parameters.serverless(
            self, block.memory_mb, block.max_concurrency, block.provisioned_concurrency
        )
        endpoint = ServerlessEndpoint(
            self,
            "Endpoint",
            model=self._model,
            name=self._names.endpoint(self._name),
            capacity=Serverless(
                memory_mb=memory,
                max_concurrency=concurrency,
                provisioned_concurrency=provisioned,
            ),
            rollout=self._rollout(block.rollout, on_instances=False),
            operations=self._operations,
        )
        acknowledge(
            endpoint.config,
            "CloudFormation-Validate::F3034",
            "the parameter's 0 never reaches ProvisionedConcurrency: Fn::If leaves it out then,"
            " which the validator does not follow",
        )

    def _build_async(self, block: settings.Async) -> None:
        AsyncEndpoint(
            self,
            "Endpoint",
            model=self._model,
            name=self._names.endpoint(self._name),
            results=AsyncResults(
                bucket=self._artifacts,
                prefix=f"async/{self._name}",
                max_concurrent_per_instance=block.max_concurrent_invocations_per_instance,
                notification_email=self._email,
            ),
            capacity=self._instances(block),
            rollout=self._rollout(block.rollout, on_instances=True),
            scaling=self._scaling(block, 0, block.backlog_per_instance),
            operations=self._operations,
        )

    def _instances(self, block: settings.Realtime | settings.Async) -> Instances:
        return Instances(
            instance_type=parameters.choice(
                self,
                "InstanceType",
                block.instance_type,
                block.allowed_instance_types,
                "What the endpoint runs on",
            ),
            allowed_types=block.allowed_instance_types,
            count=parameters.count(
                self,
                "InitialInstanceCount",
                block.initial_instance_count,
                range(1, block.highest_capacity + 1),
                "Instances at the start; scaling changes them",
            ),
        )

    def _scaling(
        self, block: settings.Realtime | settings.Async, lowest: int, target: float
    ) -> Scaling:
        minimum, maximum = parameters.capacity(
            self, block.min_capacity, block.max_capacity, lowest, block.highest_capacity
        )
        return Scaling(min_capacity=minimum, max_capacity=maximum, target=target)

    def _rollout(self, block: settings.Rollout, *, on_instances: bool) -> Rollout:
        anew = (
            parameters.switch(
                self,
                "ApplyConfiguredCounts",
                "false",
                "true sets InitialInstanceCount anew instead of keeping what scaling set",
            )
            if on_instances
            else None
        )
        return Rollout(
            strategy=block.strategy if on_instances else None,
            step_percent=block.step_percent if block.strategy != "all_at_once" else None,
            wait_seconds=block.wait_seconds,
            termination_wait_seconds=block.termination_wait_seconds,
            max_errors=block.max_errors,
            max_latency_ms=block.max_latency_ms,
            alarms_active=self._rollback,
            apply_configured_counts=anew,
        )
