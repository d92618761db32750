"""What the service would refuse about an endpoint, said before anything is deployed."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import IConstruct

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import (
    AsyncResults,
    Capture,
    Instances,
    Rollout,
    Scaling,
    Serverless,
)
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.model import Model


def check_name(name: str, faults: Faults) -> None:
    if not known(name):
        faults.add(
            "name is known at deployment only, allowed is a literal: permissions and the log "
            "group are made from it; write it, or leave it out for a generated one"
        )
    elif fault := limits.name_fault(name):
        faults.add(fault)


def check_instances(capacity: object, faults: Faults) -> None:
    if not isinstance(capacity, Instances):
        faults.add(
            f"capacity is {type(capacity).__name__}, allowed is Instances(...): use "
            "ServerlessEndpoint for an endpoint without instances"
        )
        return
    chosen = [capacity.instance_type] if known(capacity.instance_type) else []
    if not chosen and not capacity.allowed_types:
        faults.add(
            "instance_type is a parameter and allowed_types is empty: list what the parameter may "
            "become, so that each is checked"
        )
    if chosen and capacity.allowed_types and chosen[0] not in capacity.allowed_types:
        faults.add(
            f"instance_type is {chosen[0]!r}, allowed_types is "
            f"{', '.join(capacity.allowed_types)}: add it there or choose one of these"
        )
    for instance_type in dict.fromkeys([*chosen, *capacity.allowed_types]):
        if fault := limits.instance_type_fault(instance_type):
            faults.add(fault)
    faults.unless_between("count", capacity.count, *limits.INSTANCE_COUNT)
    if capacity.volume_gb is not None:
        faults.unless_between("volume_gb", capacity.volume_gb, *limits.VOLUME_GB)
    if capacity.ami_version is not None:
        faults.unless_one_of("ami_version", capacity.ami_version, limits.AMI_VERSIONS)
    faults.unless_between(
        "startup_timeout_seconds",
        capacity.startup_timeout_seconds,
        *limits.STARTUP_TIMEOUT_SECONDS,
    )
    faults.unless_between(
        "download_timeout_seconds",
        capacity.download_timeout_seconds,
        *limits.DOWNLOAD_TIMEOUT_SECONDS,
    )


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


def check_rollout(rollout: Rollout, *, serverless: bool, faults: Faults) -> None:
    if rollout.strategy is not None:
        allowed = ("all_at_once",) if serverless else limits.ROLLOUT_STRATEGIES
        faults.unless_one_of(
            "rollout strategy",
            rollout.strategy,
            allowed,
            "a serverless endpoint has no capacity to split" if serverless else "",
        )
    percents = {
        "canary": limits.CANARY_PERCENT,
        "linear": limits.LINEAR_PERCENT,
        "rolling": limits.ROLLING_PERCENT,
    }
    if rollout.step_percent is not None:
        strategy = rollout.strategy or ("all_at_once" if serverless else "canary")
        if strategy in percents:
            faults.unless_between(
                f"rollout step_percent ({strategy})", rollout.step_percent, *percents[strategy]
            )
        else:
            faults.add(f"rollout step_percent means nothing for {strategy}: leave it out")
    for name in ("wait_seconds", "termination_wait_seconds"):
        faults.unless_between(f"rollout {name}", getattr(rollout, name), *limits.WAIT_SECONDS)
    _check_rollout_time(rollout, "all_at_once" if serverless else "canary", faults)
    if known(rollout.max_errors) and rollout.max_errors <= 0:
        faults.add(f"rollout max_errors is {rollout.max_errors}, allowed is more than 0: raise it")
    latency = rollout.max_latency_ms
    if latency is not None and not known(latency):
        faults.add(
            "rollout max_latency_ms is a parameter, allowed is a literal: CloudFormation cannot "
            "turn it into the metric's microseconds; keep it in the settings"
        )
    elif latency is not None and latency <= 0:
        faults.add(f"rollout max_latency_ms is {latency}, allowed is more than 0: raise it")


def _check_rollout_time(rollout: Rollout, default: str, faults: Faults) -> None:
    waits = limits.rollout_waits(
        rollout.strategy or default,
        rollout.step_percent,
        rollout.wait_seconds,
        rollout.termination_wait_seconds,
    )
    low, high = limits.ROLLOUT_TIMEOUT_SECONDS
    if rollout.timeout_seconds is not None:
        faults.unless_between("rollout timeout_seconds", rollout.timeout_seconds, low, high)
    limit = rollout.timeout_seconds or high - limits.ROLLOUT_WORK_SECONDS
    if waits >= limit:
        faults.add(
            f"rollout waits {waits} seconds in all, allowed is less than {limit}: wait shorter"
            f"{' or raise timeout_seconds' if rollout.timeout_seconds else ' or in fewer steps'}"
        )


def check_scaling(scaling: Scaling | None, *, lowest: int, unit: str, faults: Faults) -> None:
    if scaling is None:
        return
    low, high = scaling.min_capacity, scaling.max_capacity
    faults.unless_between(
        f"scaling min_capacity ({unit})",
        low,
        lowest,
        limits.INSTANCE_COUNT[1],
        "only an asynchronous endpoint goes down to zero" if lowest else "",
    )
    faults.unless_between(f"scaling max_capacity ({unit})", high, 1, limits.INSTANCE_COUNT[1])
    if known(low) and known(high) and low > high:
        faults.add(
            f"scaling min_capacity is {low}, allowed is at most max_capacity, {high}: lower it or "
            "raise max_capacity"
        )
    if scaling.target is not None and known(scaling.target) and scaling.target <= 0:
        faults.add(f"scaling target is {scaling.target}, allowed is more than 0: raise it")
    for name in ("scale_in_cooldown_seconds", "scale_out_cooldown_seconds"):
        faults.unless_between(f"scaling {name}", getattr(scaling, name), 0, 86400)


def check_serverless_scaling(capacity: object, scaling: Scaling | None, faults: Faults) -> None:
    if scaling is None or not isinstance(capacity, Serverless):
        return
    check_scaling(scaling, lowest=1, unit="provisioned concurrency", faults=faults)
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


def check_capture(capture: Capture | None, faults: Faults) -> None:
    if capture is not None:
        faults.unless_between(
            "capture sampling_percent", capture.sampling_percent, *limits.SAMPLING_PERCENT
        )
        _check_prefix("capture prefix", capture.prefix, faults)


def check_results(results: AsyncResults, faults: Faults) -> None:
    _check_prefix("results prefix", results.prefix, faults)
    if results.max_concurrent_per_instance is not None:
        faults.unless_between(
            "results max_concurrent_per_instance",
            results.max_concurrent_per_instance,
            *limits.ASYNC_CONCURRENCY,
        )


def check_stack(endpoint: IConstruct, model: Model, faults: Faults) -> None:
    if model.condition is not None and Stack.of(model) is not Stack.of(endpoint):
        faults.add(
            "the model has a condition and is in another stack, whose conditions cannot be used "
            "here: make the model in the endpoint's stack"
        )


def _check_prefix(name: str, prefix: str, faults: Faults) -> None:
    if known(prefix) and (not prefix or prefix.startswith(("/", "s3:"))):
        faults.add(
            f"{name} is {prefix!r}, allowed is a key prefix without bucket and leading slash: "
            "write one like 'churn/capture'"
        )


def _shown(capacity: object) -> str:
    if isinstance(capacity, Instances) and known(capacity.instance_type):
        return f"Instances(instance_type={capacity.instance_type!r})"
    return type(capacity).__name__
