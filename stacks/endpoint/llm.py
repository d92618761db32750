"""The language-model kind: settings and parameters become an LlmModel on a RealtimeEndpoint."""

from __future__ import annotations

from aws_cdk import aws_secretsmanager as secretsmanager

from sagemaker_workflow.endpoints import Instances, RealtimeEndpoint
from sagemaker_workflow.llm import HubWeights, LlmImage, LlmModel
from sagemaker_workflow.model_data import ModelData
from stacks import parameters
from stacks.endpoint.placed import Placed
from stacks.endpoint.shared import Served
from stacks.images import VLLM
from stacks.settings.endpoints.llm import Llm


def build(placed: Placed, block: Llm, email: str) -> None:
    """The endpoint is in the stack, and serves while Active."""
    model = LlmModel(
        placed.stack,
        "Model",
        weights=_weights(placed, block),
        image=_image(placed, block),
        architecture=block.shape,
        capacity=_machines(placed, block),
        serving=block.serving,
        accept_eula=block.accept_eula,
        condition=placed.is_active(),
    )
    serving = Served(
        stack=placed.stack,
        name=placed.endpoint_name,
        endpoint_name=placed.endpoint_name,
        model=model,
        artifacts=placed.artifacts,
        operations=placed.operations,
        email=email,
        rollback=placed.rollback,
    )
    RealtimeEndpoint(
        placed.stack,
        "Endpoint",
        model=model,
        name=placed.endpoint_name,
        capacity=model.capacity,
        rollout=serving.rollout(block.rollout, on_instances=True),
        scaling=serving.scaling(block, 1, block.requests_per_instance),
        operations=placed.operations,
    )


def _machines(placed: Placed, block: Llm) -> Instances:
    return Instances(
        instance_type=parameters.choice(
            placed.stack,
            "InstanceType",
            block.instance_type,
            block.allowed_instance_types,
            "What the endpoint runs on; the server's options follow it",
        ),
        allowed_types=block.allowed_instance_types,
        types_known_here=block.types_known_here,
        count=parameters.count(
            placed.stack,
            "InitialInstanceCount",
            block.initial_instance_count,
            range(1, block.highest_capacity + 1),
            "Instances at the start; scaling changes them",
        ),
    )


def _weights(placed: Placed, block: Llm) -> ModelData | HubWeights:
    if block.weights is not None:
        return ModelData.from_prefix(placed.artifacts, block.weights)
    hub = block.hub
    if hub is None:
        raise ValueError("llm: neither weights nor hub, which the settings refuse")
    return HubWeights(
        model=hub.model,
        revision=hub.revision,
        because=hub.because,
        token=secretsmanager.Secret.from_secret_complete_arn(
            placed.stack, "HubToken", hub.token_secret
        )
        if hub.token_secret
        else None,
    )


def _image(placed: Placed, block: Llm) -> LlmImage:
    if block.image == "own":
        return LlmImage.own(placed.image(VLLM))
    return LlmImage.managed(block.image, region=placed.region)
