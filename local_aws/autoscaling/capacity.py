"""The capacity of what is scaled, read from and set in the local SageMaker."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local_aws import adapter
from local_aws.autoscaling.errors import invalid
from local_aws.autoscaling.rules import CONCURRENCY, COPIES, INSTANCES, parts


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """What runs and what is wanted; `may_be_zero` when nothing has to be left running."""

    current: int
    desired: int
    may_be_zero: bool
    settled: bool


def read(resource_id: str, dimension: str) -> Capacity:
    """The present capacity; raises ValidationException when there is nothing to scale."""
    found = parts(resource_id, dimension)
    sagemaker = adapter.client("sagemaker")
    try:
        if dimension == COPIES:
            return _component(
                sagemaker.describe_inference_component(InferenceComponentName=found["component"])
            )
        endpoint = sagemaker.describe_endpoint(EndpointName=found["endpoint"])
        config = sagemaker.describe_endpoint_config(
            EndpointConfigName=endpoint["EndpointConfigName"]
        )
    except ClientError as error:
        raise invalid(f"No {resource_id} to scale: {_message(error)}") from error
    return _variant(endpoint, config, found["variant"], dimension)


def write(resource_id: str, dimension: str, desired: int) -> None:
    """Ask SageMaker for the new capacity."""
    found = parts(resource_id, dimension)
    sagemaker = adapter.client("sagemaker")
    if dimension == COPIES:
        sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=found["component"],
            DesiredRuntimeConfig={"CopyCount": desired},
        )
        return
    change: dict[str, Any] = {"VariantName": found["variant"]}
    if dimension == INSTANCES:
        change["DesiredInstanceCount"] = desired
    else:
        change["ServerlessUpdateConfig"] = {"ProvisionedConcurrency": desired}
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=found["endpoint"], DesiredWeightsAndCapacities=[change]
    )


def _variant(
    endpoint: dict[str, Any], config: dict[str, Any], name: str, dimension: str
) -> Capacity:
    summary = _named(endpoint.get("ProductionVariants", []), name)
    declared = _named(config.get("ProductionVariants", []), name)
    if declared is None:
        raise invalid(f"Endpoint {endpoint['EndpointName']} has no variant {name}")
    settled = endpoint["EndpointStatus"] == "InService"
    serverless = declared.get("ServerlessConfig")
    if dimension == CONCURRENCY:
        if serverless is None or not serverless.get("ProvisionedConcurrency"):
            raise invalid(
                f"Variant {name} has no provisioned concurrency: set ProvisionedConcurrency in its "
                "ServerlessConfig first"
            )
        now = (summary or {}).get("CurrentServerlessConfig") or serverless
        wanted = (summary or {}).get("DesiredServerlessConfig") or now
        return Capacity(
            current=int(now["ProvisionedConcurrency"]),
            desired=int(wanted["ProvisionedConcurrency"]),
            may_be_zero=False,
            settled=settled,
        )
    if serverless is not None:
        raise invalid(f"Variant {name} is serverless: it has no instances to scale")
    if str(declared.get("InstanceType", "")).startswith("ml.t2."):
        raise invalid(f"Automatic scaling is not supported for {declared['InstanceType']}")
    initial = int(declared.get("InitialInstanceCount", 0))
    current = int((summary or {}).get("CurrentInstanceCount", initial))
    return Capacity(
        current=current,
        desired=int((summary or {}).get("DesiredInstanceCount", current)),
        # An asynchronous endpoint queues meanwhile; a variant without a model holds components.
        may_be_zero="AsyncInferenceConfig" in config or "ModelName" not in declared,
        settled=settled,
    )


def _component(component: dict[str, Any]) -> Capacity:
    runtime = component.get("RuntimeConfig", {})
    return Capacity(
        current=int(runtime.get("CurrentCopyCount", 0)),
        desired=int(runtime.get("DesiredCopyCount", 0)),
        may_be_zero=True,
        settled=component["InferenceComponentStatus"] == "InService",
    )


def _named(variants: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((variant for variant in variants if variant["VariantName"] == name), None)


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", error))
