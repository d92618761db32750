"""`[endpoints.<name>]` with `kind = "components"`: several models on shared instances."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import has_gpu
from sagemaker_workflow.gpus import gpus
from stacks.settings.base import Block, refuse
from stacks.settings.endpoints.hosted import Hosted
from stacks.settings.endpoints.schedule import Hours
from stacks.settings.endpoints.served import PackageGroup

MOST = 20  # Rules of a template know no `<=`, so bounds are written out value by value
ComponentName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9-]{0,19}$",
        description="up to 20 lower-case letters, digits and hyphens, a letter first",
    ),
]


class Component(Block):
    """One model: the package group it follows, what a copy takes, how many copies there are."""

    model_package_group: PackageGroup | None = None  # default: the endpoint's
    memory_mb: Annotated[int, Field(ge=128)] = 1024
    max_memory_mb: Annotated[int, Field(ge=128)] | None = None
    cpus: Annotated[float, Field(ge=0.25)] | None = None
    accelerators: Annotated[int, Field(ge=1)] | None = None
    max_copies: Annotated[int, Field(ge=1, le=MOST)] = 2
    # 0: the component sleeps when nobody asks, and the first failed request wakes it.
    min_copies: Annotated[int, Field(ge=0, le=MOST)] = Field(default=1, validate_default=True)
    requests_per_copy: Annotated[float, Field(gt=0)] = 5  # in work at once; the scaling target
    max_errors: Annotated[int, Field(ge=1)] = 5  # a minute; more send the old model back
    max_latency_ms: Annotated[int, Field(ge=1, le=60_000)] = 5000

    @field_validator("max_memory_mb")
    @classmethod
    def _most_is_no_less_than_least(cls, most: int | None, info: ValidationInfo) -> int | None:
        if most is not None and most < info.data.get("memory_mb", 0):
            raise refuse(f"must be at least memory_mb, {info.data['memory_mb']}")
        return most

    @field_validator("min_copies")
    @classmethod
    def _min_is_at_most_max(cls, minimum: int, info: ValidationInfo) -> int:
        if minimum > info.data.get("max_copies", minimum):
            raise refuse(f"must be at most max_copies, {info.data['max_copies']}")
        return minimum


class Components(Hosted):
    """Several models share instances; the instances come and go with the models' copies."""

    kind: Literal["components"]
    max_instances: Annotated[int, Field(ge=1, le=MOST)] = 2
    # 0: nothing is left running when no component has a copy.
    min_instances: Annotated[int, Field(ge=0, le=MOST)] = Field(default=1, validate_default=True)
    scale_in: Literal["IDLE_RELEASE", "CONSOLIDATION"] | None = None  # default: the service's
    active: bool = True  # false: nothing of it runs until somebody starts it
    schedule: Hours | None = None  # default: it is there while active
    dashboard: bool = True
    components: dict[ComponentName, Component] = Field(min_length=1)

    @field_validator("min_instances")
    @classmethod
    def _min_is_at_most_max(cls, minimum: int, info: ValidationInfo) -> int:
        if minimum > info.data.get("max_instances", minimum):
            raise refuse(f"must be at most max_instances, {info.data['max_instances']}")
        return minimum

    @field_validator("components")
    @classmethod
    def _every_copy_finds_its_gpus(
        cls, components: dict[str, Component], info: ValidationInfo
    ) -> dict[str, Component]:
        for name, component in components.items():
            for instance_type in info.data.get("allowed_instance_types", []):
                known = gpus().get(instance_type)
                most = 0 if not has_gpu(instance_type) else known.count if known else MOST
                if (component.accelerators or 0) > most:
                    raise refuse(
                        f"{instance_type} has {most or 'no'} GPU{'' if most == 1 else 's'}: lower"
                        " it, or choose other instance types",
                        key=f"{name}.accelerators",
                        value=component.accelerators,
                    )
        return components
