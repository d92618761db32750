"""The training block of a settings file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import Use
from stacks.settings.base import Email, refuse
from stacks.settings.endpoints import OnInstances, PackageGroup


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise refuse("must be one text, number, true or false")
    return str(value)


# The image's own names (containers/*/hyperparameters.toml); SageMaker's length.
HyperparameterName = Annotated[str, Field(min_length=1, max_length=256)]
Hyperparameter = Annotated[str, BeforeValidator(_as_text)]  # SageMaker takes strings only
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="a sha256, 64 digits of hex")]


class Training(OnInstances):
    """The training job: machine, time, hyperparameters, and the group its models join."""

    USE: ClassVar[Use] = "training"

    model_package_group: PackageGroup | None = None  # default: <project>-<environment>
    notification_email: Email | None = None
    # Which image of containers/ trains.
    container: Literal["trainer", "torch_trainer"] = "trainer"
    instance_count: Annotated[int, Field(ge=1, le=100)] = 1
    volume_size_gb: Annotated[int, Field(ge=1, le=16_384)] = 30
    max_runtime_minutes: Annotated[int, Field(ge=1, le=28 * 24 * 60)] = 60
    spot: bool = False
    max_wait_minutes: Annotated[int, Field(ge=1)] | None = Field(
        default=None, validate_default=True
    )
    # Where spot jobs keep their checkpoints in the artifacts bucket: a folder per execution.
    checkpoint_prefix: Annotated[
        str,
        Field(
            pattern=r"^[a-zA-Z0-9!_.*'()-]+(/[a-zA-Z0-9!_.*'()-]+)*$",
            max_length=100,
            description="a key prefix without slashes around it, like checkpoints",
        ),
    ] = "checkpoints"
    # The sha256 of each pickle that models may hold and the server may load; they travel as one
    # variable of the package's container, which takes 1024 characters.
    trusted_pickles: Annotated[list[Sha256], Field(max_length=15)] = Field(default_factory=list)
    hyperparameters: dict[HyperparameterName, Hyperparameter] = Field(default_factory=dict)

    @field_validator("checkpoint_prefix")
    @classmethod
    def _not_among_the_models(cls, prefix: str) -> str:
        if prefix.split("/")[0] == "training":
            raise refuse("models are under training/: choose another prefix")
        return prefix

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
