"""Which copy of which component answers a request, and the refusals when none can."""

from local_aws import adapter
from local_aws.sagemaker import store
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.errors import invalid_call
from local_aws.sagemaker.inference_components.component import Component, Copy

_NAME_MISSING = (
    "Inference Component Name header is required for endpoints to which you plan to deploy "
    "inference components. Please include Inference Component Name header or consider using "
    "SageMaker models."
)
_NAME_NOT_ALLOWED = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy "
    "inference components. Please remove the Inference Component Name header and try again."
)
NO_CAPACITY = (  # contracts.md 3.4
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be "
    "in-progress (if configured) or try to increase the capacity by invoking "
    "UpdateInferenceComponentRuntimeConfig API."
)


def copy_for(endpoint: Endpoint, name: str | None) -> Copy | None:
    """The copy that takes the request, held until it is released; None on an endpoint of models.

    A component without copies counts the request as NoCapacityInvocationFailures, which is what
    an alarm wakes it by (contracts.md 3.5).
    """
    if not any(slot.pool for slot in endpoint.fleet.slots.values()):
        if name:
            raise invalid_call(_NAME_NOT_ALLOWED)
        return None
    if not name:
        raise invalid_call(_NAME_MISSING)
    component: Component | None = store.inference_components.get(name.lower())
    if component is None or component.name != name or component.endpoint is not endpoint:
        raise invalid_call(
            f"Inference Component {name} of endpoint {endpoint.name} of account "
            f"{adapter.account()} not found."
        )
    picked = component.pick()
    if picked is None:
        adapter.put_metric(
            "AWS/SageMaker",
            "NoCapacityInvocationFailures",
            1,
            unit="Count",
            dimensions={"InferenceComponentName": name},
        )
        raise invalid_call(NO_CAPACITY)
    return picked
