"""`[endpoints.<name>]` with `kind = "llm"`: a large language model."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sagemaker_workflow.faults import Faults
from sagemaker_workflow.llm import Architecture, LlmServing
from sagemaker_workflow.llm.faults import architecture_of, check_machines, check_serving
from stacks.settings.base import Block, refuse
from stacks.settings.endpoints.scaled import Scaled


class Shape(Block):
    """The model's shape, from the config.json of its weights, where it is not a known one."""

    parameters: Annotated[int, Field(ge=1)]
    layers: Annotated[int, Field(ge=1)]
    attention_heads: Annotated[int, Field(ge=1)]
    kv_heads: Annotated[int, Field(ge=1)]
    head_size: Annotated[int, Field(ge=1)]
    max_length: Annotated[int, Field(ge=1)] | None = None
    gated: bool = False


class Hub(Block):
    """Weights from the Hugging Face hub: the container reaches the network, `because` says why."""

    model: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$", description="<organisation>/<name>")]
    revision: Annotated[
        str, Field(pattern=r"^[0-9a-f]{40}$", description="a commit of 40 hex digits")
    ]
    because: Annotated[str, Field(min_length=1)]
    token_secret: (
        Annotated[
            str,
            Field(
                pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+-\w{6}$",
                description="the whole ARN of a secret",
            ),
        ]
        | None
    ) = None


class Llm(Scaled):
    """Streams tokens from GPUs; serves while Active, it waits for no model package."""

    kind: Literal["llm"]
    requests_per_instance: Annotated[int, Field(ge=1)] = 1000  # a minute; the scaling target
    image: Literal["vllm", "lmi", "tensorrt-llm", "own"] = "vllm"
    dtype: Literal["float32", "bfloat16", "float16", "fp8", "int8", "int4"] = "bfloat16"
    max_model_len: Annotated[int, Field(ge=1)] = 4096
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 8
    kv_cache: Literal["auto", "fp8"] = "auto"
    tensor_parallel: Annotated[int, Field(ge=1)] | None = None
    accept_eula: bool = False
    # A prefix of the artifacts bucket, or a model of the hub; one of the two.
    weights: (
        Annotated[
            str,
            Field(
                pattern=r"^[^/\s:][^\s:]*/$",
                description="a prefix of the artifacts bucket that ends in a slash",
            ),
        ]
        | None
    ) = None
    hub: Hub | None = None
    architecture: str | Shape  # the name of a known one, or the numbers

    @property
    def serving(self) -> LlmServing:
        """How it is served, as the construct takes it."""
        return LlmServing(
            dtype=self.dtype,
            max_model_len=self.max_model_len,
            concurrency=self.concurrency,
            kv_cache=self.kv_cache,
            tensor_parallel=self.tensor_parallel,
        )

    @property
    def shape(self) -> str | Architecture:
        """The architecture, as the construct takes it."""
        if isinstance(self.architecture, str):
            return self.architecture
        return Architecture(**self.architecture.model_dump())

    @field_validator("hub")
    @classmethod
    def _only_our_image_fetches(cls, hub: Hub | None, info: ValidationInfo) -> Hub | None:
        if hub is not None and info.data.get("image", "own") != "own":
            raise refuse(
                'AWS\'s image would need the token in its environment: set image = "own", or put'
                " the weights under a prefix of the artifacts bucket",
                key="model",
                value=hub.model,
            )
        return hub

    @model_validator(mode="after")
    def _has_weights_and_fits(self) -> Self:
        if self.model_package_group is not None:
            raise refuse(
                "a language model follows no package group: remove it",
                key="model_package_group",
                value=self.model_package_group,
            )
        if (self.weights is None) == (self.hub is None):
            raise refuse(
                "name one of the two: weights, a prefix of the artifacts bucket, or hub",
                key="weights",
                value=self.weights or "missing",
            )
        faults = Faults(of="")
        architecture = architecture_of(self.shape, faults)
        check_serving(self.serving, architecture, faults)
        if architecture is not None and architecture.gated and self.weights:
            faults.extend(() if self.accept_eula else (_gated(architecture.name),))
        if architecture is not None and not faults.found:
            types = self.allowed_instance_types
            check_machines(types, architecture, self.serving, None, faults)
        if faults.found:
            raise refuse("; ".join(faults.found), key="architecture", value=self._named)
        return self

    @property
    def _named(self) -> str:
        return self.architecture if isinstance(self.architecture, str) else "a table"


def _gated(name: str) -> str:
    return f"{name} is gated: read its licence, then set accept_eula = true"
