"""What every endpoint's stack has, whatever the kind."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from sagemaker_workflow.endpoints import Operations
from sagemaker_workflow.log_retention import RETENTION
from sagemaker_workflow.notifications import Notifications
from sagemaker_workflow.schedules import ActiveHours, Hours
from stacks import parameters, settings
from stacks.endpoint import asynchronous, components, llm, realtime, serverless
from stacks.endpoint.placed import Placed
from stacks.endpoint.shared import Served
from stacks.images import INFERENCE, Images
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
        block = settings.endpoints[name]
        stored = Stored(self, names)
        artifacts = stored.bucket("artifacts")
        rollback = parameters.switch(
            self, "RollbackOnAlarm", "true", "false lets an update pass while an alarm fires"
        )
        email = parameters.email(self, block.notification_email, f"{name}'s alarms")
        alarms = Notifications(self, "Notifications", key=stored.key, email=email)
        operations = Operations(
            key=stored.key,
            parameter_name=names.parameter("endpoints", name),
            alarm_topic=alarms.topic,
            log_retention=RETENTION[settings.logs.retention_days],
            reserve_concurrency=settings.reserve_concurrency,
            dashboard=block.dashboard,
        )
        placed = Placed(
            stack=self,
            endpoint_name=names.endpoint(name),
            artifacts=artifacts,
            region=settings.region,
            images=images,
            names=names,
            operations=operations,
            rollback=rollback,
            group=block.model_package_group or settings.model_package_group,
            by_default=block.active,
        )
        if not _build_with_models_of_its_own(placed, block, email):
            _build(self._served(placed, name, block, email), block)
            follow(self, placed.group)
        if block.schedule is not None:
            ActiveHours(
                self,
                "Hours",
                hours=Hours(
                    stop=block.schedule.stop,
                    start=block.schedule.start,
                    timezone=block.schedule.timezone,
                ),
                topic=alarms.topic,
                key=stored.key,
                log_retention=operations.log_retention,
            )

    def _served(self, placed: Placed, name: str, block: settings.Endpoint, email: str) -> Served:
        """The approved model, which the kinds that serve one have in common."""
        model = approved_model(
            self,
            image=placed.image(INFERENCE),
            artifacts=placed.artifacts,
            # The service has no isolation for serverless (contracts of serverless inference).
            isolated=block.kind != "serverless",
            active=block.active,
        )
        return Served(
            stack=self,
            name=name,
            endpoint_name=placed.endpoint_name,
            model=model,
            artifacts=placed.artifacts,
            operations=placed.operations,
            email=email,
            rollback=placed.rollback,
        )


def _build_with_models_of_its_own(placed: Placed, block: settings.Endpoint, email: str) -> bool:
    """True when the kind makes its models itself: several of them, or none of the registry."""
    match block:
        case settings.Components():
            components.build(placed, block)
        case settings.Llm():
            llm.build(placed, block, email)
        case _:
            return False
    return True


def _build(served: Served, block: settings.Endpoint) -> None:
    match block:
        case settings.Realtime():
            realtime.build(served, block)
        case settings.Serverless():
            serverless.build(served, block)
        case settings.Async():
            asynchronous.build(served, block)
