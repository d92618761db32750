"""What a serverless endpoint cannot be or serve."""

from __future__ import annotations

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.faults.scaling import check_scaling
from sagemaker_workflow.endpoints.specs import Instances, Scaling, Serverless
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.model import Model


def check_serverless(capacity: object, model: Model, faults: Faults) -> None:
    if not isinstance(capacity, Serverless):
        faults.add(
            f"capacity is {_shown(capacity)}, allowed is Serverless(memory_mb=, max_concurrency=): "
            "a serverless endpoint has no instances and no GPU; use RealtimeEndpoint for those"
        )
    else:
        faults.unless_one_of("memory_mb", capacity.memory_mb, limits.SERVERLESS_MEMORY_MB)
        faults.unless_between(
            "max_concurrency", capacity.max_concurrency, *limits.SERVERLESS_CONCURRENCY
        )
        _check_provisioned(capacity, faults)
    if model.isolated:
        faults.add(
            "the model is isolated from the network, which serverless does not support: make the "
            "model with isolated=False"
        )
    if model.needs_gpu:
        faults.add(
            "the image is built for a GPU, which serverless does not have: use a CPU image, or "
            "RealtimeEndpoint on a GPU type"
        )
    if model.network is not None:
        faults.add("the model is in a VPC, which serverless does not support: make it without")
    if model.uses_data_source:
        faults.add(
            "the model's artifacts are a prefix, which serverless does not support: pack them and "
            "use ModelData.from_bucket"
        )
    if len(model.containers) > 1 or model.is_multi_model:
        faults.add(
            "the model has several containers or loads several models, which serverless does not "
            "support: serve one container, or use RealtimeEndpoint"
        )


def _check_provisioned(capacity: Serverless, faults: Faults) -> None:
    provisioned, most = capacity.provisioned_concurrency, capacity.max_concurrency
    if provisioned is None:
        return
    faults.unless_between("provisioned_concurrency", provisioned, *limits.SERVERLESS_CONCURRENCY)
    if known(provisioned) and known(most) and provisioned > most:
        faults.add(
            f"provisioned_concurrency is {provisioned}, allowed is at most max_concurrency, "
            f"{most}: lower it or raise max_concurrency"
        )


def check_serverless_scaling(capacity: object, scaling: Scaling | None, faults: Faults) -> None:
    if scaling is None or not isinstance(capacity, Serverless):
        return
    check_scaling(
        scaling,
        lowest=1,
        unit="provisioned concurrency",
        faults=faults,
        kind="provisioned_concurrency",
    )
    if capacity.provisioned_concurrency is None:
        faults.add(
            "scaling follows provisioned concurrency and none is configured: set "
            "provisioned_concurrency, or leave scaling out: serverless scales by itself"
        )
    high, most = scaling.max_capacity, capacity.max_concurrency
    if known(high) and known(most) and high > most:
        faults.add(
            f"scaling max_capacity is {high}, allowed is at most max_concurrency, {most}: lower "
            "it or raise max_concurrency"
        )
    if scaling.target is not None and known(scaling.target) and scaling.target > 1:
        faults.add(
            f"scaling target is {scaling.target}, allowed is a share above 0 and up to 1: write "
            "0.7 for 70 %"
        )


def _shown(capacity: object) -> str:
    if isinstance(capacity, Instances) and known(capacity.instance_type):
        return f"Instances(instance_type={capacity.instance_type!r})"
    return type(capacity).__name__
