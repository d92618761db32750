"""What CloudWatch learns of real-time and serverless invocations (contracts.md 3.5)."""

from local_aws import adapter
from local_aws.runtime.containers import Invocation, ModelLoading
from local_aws.sagemaker.deployment.fleet import Slot
from local_aws.sagemaker.inference_components.component import Copy

_NAMESPACE = "AWS/SageMaker"


def publish(endpoint_name: str, slot: Slot, answer: Invocation) -> None:
    """One invocation that reached the container is counted and timed."""
    _count(endpoint_name, slot)
    _errors(endpoint_name, slot, answer.status)
    _put(endpoint_name, slot, "ModelLatency", answer.model_latency_us, "Microseconds")
    _put(endpoint_name, slot, "OverheadLatency", answer.overhead_us, "Microseconds")
    if answer.model_setup_us:
        _put(endpoint_name, slot, "ModelSetupTime", answer.model_setup_us, "Microseconds")
    if answer.loading is not None:
        _publish_loading(endpoint_name, slot, answer.loading)
    for container, microseconds in answer.container_us.items():
        _put(
            endpoint_name,
            slot,
            "ContainerLatency",
            microseconds,
            "Microseconds",
            container=container,
        )


def _publish_loading(endpoint_name: str, slot: Slot, loading: ModelLoading) -> None:
    """What a multi-model endpoint did to have the model (contracts.md 3.5)."""
    _put(endpoint_name, slot, "ModelCacheHit", int(loading.cache_hit), "None")
    times: dict[str, list[int | None]] = {
        "ModelLoadingWaitTime": [loading.waited_us] if not loading.cache_hit else [],
        "ModelDownloadingTime": [loading.download_us],
        "ModelLoadingTime": [loading.load_us],
        "ModelUnloadingTime": list(loading.unload_us),
    }
    for name, values in times.items():
        for microseconds in values:
            if microseconds is not None:
                _put(endpoint_name, slot, name, microseconds, "Microseconds")


def streamed(endpoint_name: str, slot: Slot, status: int) -> None:
    """One streaming invocation began; its latency is the stream's and is not published."""
    _count(endpoint_name, slot)
    _errors(endpoint_name, slot, status)


def refused(endpoint_name: str, slot: Slot) -> None:
    """One request was throttled: it is an invocation that the caller may repeat."""
    _count(endpoint_name, slot)
    _put(endpoint_name, slot, "Invocation4XXErrors", 1, "None")
    _put(endpoint_name, slot, "Invocation5XXErrors", 0, "None")


def failed(endpoint_name: str, slot: Slot) -> None:
    """One request found no healthy container, or no answer in time."""
    _count(endpoint_name, slot)
    _errors(endpoint_name, slot, 500)


def _count(endpoint_name: str, slot: Slot) -> None:
    _put(endpoint_name, slot, "Invocations", 1, "None")
    if not slot.serverless:
        share = 1 / max(slot.count, 1)
        name = "InvocationsPerCopy" if isinstance(slot, Copy) else "InvocationsPerInstance"
        _put(endpoint_name, slot, name, share, "None")


def _errors(endpoint_name: str, slot: Slot, status: int) -> None:
    """Zeros are published too: an alarm on errors must see data while all is well."""
    client, server = 400 <= status < 500, status >= 500
    _put(endpoint_name, slot, "Invocation4XXErrors", int(client), "None")
    _put(endpoint_name, slot, "Invocation5XXErrors", int(server), "None")
    _put(endpoint_name, slot, "InvocationModelErrors", int(client or server), "None")


def _put(
    endpoint_name: str,
    slot: Slot,
    name: str,
    value: float,
    unit: str,
    *,
    container: str | None = None,
) -> None:
    dimensions = {"EndpointName": endpoint_name, "VariantName": slot.name}
    if container is not None:
        dimensions["ContainerName"] = container
    if isinstance(slot, Copy):  # contracts.md 3.5: a component is counted under its own name
        dimensions = {"InferenceComponentName": slot.component_name}
    adapter.put_metric(_NAMESPACE, name, value, unit=unit, dimensions=dimensions)
