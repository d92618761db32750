"""One settings file as a whole: what is built, where, and with which defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from stacks.settings import hyperparameters
from stacks.settings.base import Block, refuse
from stacks.settings.dataset import Dataset
from stacks.settings.endpoints import Batch, Endpoint
from stacks.settings.preprocessing import Preprocessing
from stacks.settings.training import Training

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


class Image(Block):
    """Container images: who builds them, on what, and how long a repository keeps untagged ones.

    `codebuild` builds them in the account while the storage stack is deployed; `push` leaves them
    to whoever has Docker. `digests = "required"` refuses a base or an AWS image without a digest.
    """

    build: Literal["codebuild", "push"] = "push"
    digests: Literal["required", "when-known"] = "when-known"
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

    @field_validator("training")
    @classmethod
    def _the_image_takes_the_hyperparameters(
        cls, training: Training, info: ValidationInfo
    ) -> Training:
        dataset: Dataset | None = info.data.get("dataset")
        problem = dataset.problem if dataset is not None else None
        faults = hyperparameters.faults(training.container, training.hyperparameters, problem)
        if faults:
            raise refuse("; ".join(faults), key="hyperparameters")
        return training

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
