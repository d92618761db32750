"""One settings file as a whole: what is built, where, and with which defaults."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import Use
from stacks.settings.base import Block, Email, refuse
from stacks.settings.dataset import Dataset
from stacks.settings.endpoints import Batch, Endpoint, OnInstances, PackageGroup


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise refuse("must be one text, number, true or false")
    return str(value)


# XGBoost's own names pass through to the trainer; SageMaker takes strings of these lengths.
HyperparameterName = Annotated[str, Field(min_length=1, max_length=256)]
Hyperparameter = Annotated[str, BeforeValidator(_as_text)]  # SageMaker takes strings only
Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9-]{0,14}[a-z0-9]$",
        description="2 to 16 lower-case letters, digits and hyphens, a letter first",
    ),
]
EndpointName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9-]{0,19}$",
        description="up to 20 lower-case letters, digits and hyphens, a letter first",
    ),
]
Region = Annotated[
    str,
    Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="an AWS region like us-east-1"),
]


class Training(OnInstances):
    """The training job: machine, time, hyperparameters, and the group its models join."""

    USE: ClassVar[Use] = "training"

    model_package_group: PackageGroup | None = None  # default: <project>-<environment>
    notification_email: Email | None = None
    volume_size_gb: Annotated[int, Field(ge=1, le=16_384)] = 30
    max_runtime_minutes: Annotated[int, Field(ge=1, le=28 * 24 * 60)] = 60
    spot: bool = False
    max_wait_minutes: Annotated[int, Field(ge=1)] | None = Field(
        default=None, validate_default=True
    )
    hyperparameters: dict[HyperparameterName, Hyperparameter] = Field(default_factory=dict)

    @field_validator("max_wait_minutes")
    @classmethod
    def _waiting_is_for_spot(cls, wait: int | None, info: ValidationInfo) -> int | None:
        if wait is None:
            return None
        if not info.data.get("spot", True):
            raise refuse("only with spot = true: remove it, or turn spot on")
        if wait < info.data.get("max_runtime_minutes", 0):
            raise refuse(
                f"must be at least max_runtime_minutes, {info.data['max_runtime_minutes']}:"
                " the wait for spot capacity includes the run"
            )
        return wait


class Preprocessing(Block):
    """The preprocessing function: its size, and whom to tell when a file is refused."""

    memory_mb: Annotated[int, Field(ge=2048, le=10_240)] = 3008
    timeout_minutes: Annotated[int, Field(ge=1, le=15)] = 15
    reserved_concurrency: Annotated[int, Field(ge=1, le=100)] = 2
    notification_email: Email | None = None


class Image(Block):
    """Container images: how many untagged ones each repository keeps."""

    keep_untagged_days: Annotated[int, Field(ge=1, le=365)] = 14


class Logs(Block):
    """How long log groups and the access logs of buckets are kept."""

    retention_days: Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653
    ] = 90


class Settings(Block):
    """A whole settings file, checked."""

    project: Name
    environment: Name
    region: Region
    account: (
        Annotated[str, Field(pattern=r"^\d{12}$", description="12 digits in quotes")] | None
    ) = None
    removal: Literal["destroy", "retain"] = "retain"
    # False in a new account: its quota of Lambda concurrency is so small that none can be reserved.
    reserve_concurrency: bool = True
    dataset: Dataset
    training: Training
    endpoints: dict[EndpointName, Endpoint] = Field(default_factory=dict)
    batch: Batch | None = None
    preprocessing: Preprocessing = Preprocessing()
    image: Image = Image()
    logs: Logs = Logs()
    tags: dict[str, str] = Field(default_factory=dict)

    @field_validator("environment")
    @classmethod
    def _environment_is_the_file_name(cls, environment: str, info: ValidationInfo) -> str:
        expected = (info.context or {}).get("environment")
        if expected is not None and environment != expected:
            raise refuse(f'must be "{expected}", the name of the file')
        return environment

    @property
    def prefix(self) -> str:
        """What every name of this environment starts with: `<project>-<environment>`."""
        return f"{self.project}-{self.environment}"

    @property
    def model_package_group(self) -> str:
        """The group the trained models join; endpoints follow it unless they name another."""
        return self.training.model_package_group or self.prefix

    @property
    def retain(self) -> bool:
        """Whether data, keys and models outlive their stacks."""
        return self.removal == "retain"

    @property
    def all_tags(self) -> dict[str, str]:
        """What every resource is tagged with."""
        return {"project": self.project, "environment": self.environment, **self.tags}
