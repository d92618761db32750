"""The real-time kind: settings and parameters become a RealtimeEndpoint."""

from __future__ import annotations

from dataclasses import replace

from sagemaker_workflow.endpoints import (
    Capture,
    Instances,
    Metrics,
    RealtimeEndpoint,
    Routing,
    Scaling,
    Shadow,
    Variant,
)
from sagemaker_workflow.endpoints.limits import VARIANT
from stacks import parameters, settings
from stacks.endpoint.shared import Served
from stacks.served import challenger_model
from stacks.settings.endpoints.realtime import Challenger

CHALLENGER = "challenger"


def build(served: Served, block: settings.Realtime) -> None:
    """The endpoint is in the stack, and its challenger when the settings name one."""
    capacity = _instances(served, block)
    rollout = served.rollout(block.rollout, on_instances=True)
    scaling = served.scaling(block, 1, block.invocations_per_instance)
    rival = block.challenger
    shadow = _shadow(served, rival, capacity) if rival and rival.shadow else None
    variants = _compared(served, rival, capacity, scaling) if rival and not rival.shadow else []
    if variants:
        changing = parameters.switch(
            served.stack,
            "ChangeVariants",
            "false",
            "true lets the challenger come or go: SageMaker refuses guardrails for such an update",
        )
        weights = parameters.switch(
            served.stack,
            "ApplyConfiguredWeights",
            "false",
            "true sets the configured weight anew and keeps what scaling set",
        )
        rollout = replace(rollout, change_variants=changing, apply_configured_weights=weights)
    RealtimeEndpoint(
        served.stack,
        "Endpoint",
        model=None if variants else served.model,
        variants=variants,
        shadow=shadow,
        name=served.endpoint_name,
        capacity=None if variants else capacity,
        rollout=rollout,
        capture=_capture(served, block),
        scaling=None if variants else scaling,
        operations=replace(served.operations, metrics=_metrics(block)),
    )


def _instances(served: Served, block: settings.Realtime) -> Instances:
    return replace(
        served.instances(block),
        fallback_types=block.fallback_instance_types,
        provision_timeout_seconds=block.provision_timeout_seconds,
        volume_gb=block.volume_gb,
        ami_version=block.ami_version,
        startup_timeout_seconds=block.startup_timeout_seconds,
        download_timeout_seconds=block.download_timeout_seconds,
        routing=Routing(
            strategy=block.routing.strategy,
            prefix_length=block.routing.prefix_length,
            concurrency_threshold=block.routing.concurrency_threshold,
        ),
    )


def _rivals_instances(served: Served, rival: Challenger, capacity: Instances) -> Instances:
    """The champion's machines, in a number of its own."""
    number = parameters.count(
        served.stack,
        "ChallengerInstanceCount",
        rival.instance_count,
        range(1, max(rival.instance_count, 4) + 1),
        "Instances of the challenger",
    )
    return replace(capacity, count=number)


def _compared(
    served: Served, rival: Challenger, capacity: Instances, scaling: Scaling
) -> list[Variant]:
    model = challenger_model(served.stack, served.model)
    return [
        Variant(name=VARIANT, model=served.model, capacity=capacity, scaling=scaling),
        Variant(
            name=CHALLENGER,
            model=model,
            weight=parameters.challenger_weight(served.stack, rival.weight, shadow=False),
            capacity=_rivals_instances(served, rival, capacity),
        ),
    ]


def _shadow(served: Served, rival: Challenger, capacity: Instances) -> Shadow:
    return Shadow(
        name=CHALLENGER,
        model=challenger_model(served.stack, served.model),
        share=parameters.challenger_weight(served.stack, rival.weight, shadow=True),
        capacity=_rivals_instances(served, rival, capacity),
    )


def _capture(served: Served, block: settings.Realtime) -> Capture | None:
    capture = block.capture
    if capture is None:
        return None
    sampling, enabled = parameters.capture_sampling(served.stack, capture.sampling_percent)
    return Capture(
        bucket=served.artifacts,
        prefix=f"capture/{served.name}",
        sampling_percent=sampling,
        modes=capture.modes,
        csv_content_types=capture.csv_content_types,
        json_content_types=capture.json_content_types,
        enabled=enabled,
    )


def _metrics(block: settings.Realtime) -> Metrics | None:
    metrics = block.metrics
    if metrics is None:
        return None
    return Metrics(
        every_seconds=metrics.every_seconds, enhanced=metrics.enhanced, detailed=metrics.detailed
    )
