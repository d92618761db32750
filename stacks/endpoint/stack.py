"""What every endpoint's stack has, whatever the kind."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from sagemaker_workflow.endpoints import Operations
from sagemaker_workflow.log_retention import RETENTION
from sagemaker_workflow.notifications import Notifications
from stacks import parameters, settings
from stacks.endpoint import asynchronous, realtime, serverless
from stacks.endpoint.shared import Served
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
        )
        model = approved_model(
            self,
            image=images.inference(self, names),
            artifacts=artifacts,
            # The service has no isolation for serverless (contracts of serverless inference).
            isolated=block.kind != "serverless",
        )
        served = Served(
            stack=self,
            name=name,
            endpoint_name=names.endpoint(name),
            model=model,
            artifacts=artifacts,
            operations=operations,
            email=email,
            rollback=rollback,
        )
        _build(served, block)
        follow(self, block.model_package_group or settings.model_package_group)


def _build(served: Served, block: settings.Endpoint) -> None:
    match block:
        case settings.Realtime():
            realtime.build(served, block)
        case settings.Serverless():
            serverless.build(served, block)
        case settings.Async():
            asynchronous.build(served, block)
