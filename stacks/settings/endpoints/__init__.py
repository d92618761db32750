"""The `[endpoints.<name>]` and `[batch]` blocks: one file per way a model is served."""

from typing import Annotated

from pydantic import Field

from stacks.settings.endpoints.asynchronous import Async
from stacks.settings.endpoints.batch import Batch
from stacks.settings.endpoints.components import Component, Components
from stacks.settings.endpoints.llm import Llm
from stacks.settings.endpoints.realtime import Realtime
from stacks.settings.endpoints.scaled import Rollout, Scaled
from stacks.settings.endpoints.served import OnInstances, PackageGroup, Served
from stacks.settings.endpoints.serverless import Serverless

Endpoint = Annotated[Realtime | Serverless | Async | Components | Llm, Field(discriminator="kind")]

__all__ = [
    "Async",
    "Batch",
    "Component",
    "Components",
    "Endpoint",
    "Llm",
    "OnInstances",
    "PackageGroup",
    "Realtime",
    "Rollout",
    "Scaled",
    "Served",
    "Serverless",
]
