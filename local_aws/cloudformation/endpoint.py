"""AWS::SageMaker::Endpoint: the one type that takes its time."""

from collections.abc import Mapping
from typing import Any

from local_aws.cloudformation.resource import Properties, ResourceType
from local_aws.sagemaker import api, store
from local_aws.sagemaker.arns import arn as arn_of
from local_aws.sagemaker.deployment.endpoint import BUSY, SERVING, Endpoint, require
from local_aws.sagemaker.errors import ServiceError

_ONLY_UPDATE = (
    "RetainAllVariantProperties",
    "ExcludeRetainedVariantProperties",
    "RetainDeploymentConfig",
)


class EndpointType(ResourceType):
    """Creates and updates return once the endpoint is InService, or raise its FailureReason."""

    def request(self, properties: Properties) -> dict[str, Any]:
        # UpdateEndpoint knows every member; the name and tags are strings either way.
        request = super().request(properties)
        extra = {k: request[k] for k in _ONLY_UPDATE if k in request}
        return request | self.coerced("UpdateEndpoint", extra)

    def settle_create(self, name: str) -> None:
        endpoint = require(name)
        _wait(endpoint)
        if endpoint.status not in SERVING:  # somebody may already be changing it again
            reason = endpoint.failure_reason
            # Nobody knows the physical id of a create that failed, so nobody else would delete it.
            self.remove(name)
            raise RuntimeError(f"Endpoint {name} failed to be created: {reason}")

    def settle_update(self, arn: str, request: Properties, changed: set[str]) -> None:
        if "EndpointConfigName" not in changed:
            return
        name = self.name_of(arn)
        endpoint = require(name)
        wanted = request["EndpointConfigName"]
        if endpoint.config["EndpointConfigName"] == wanted and endpoint.status == "InService":
            return  # a rollback of the stack meets an endpoint that went back by itself
        api.call("UpdateEndpoint", _update_request(name, request))
        _wait(endpoint)
        if endpoint.config["EndpointConfigName"] != wanted:
            raise RuntimeError(f"Endpoint {name} failed to update: {endpoint.failure_reason}")

    def remove(self, name: str) -> None:
        endpoint = require(name)
        while True:
            _wait(endpoint)  # an endpoint being changed cannot be deleted
            try:
                super().remove(name)
            except ServiceError as error:  # it may be scaled again at once
                if "in-progress" not in error.message or endpoint.stop.is_set():
                    raise
            else:
                break
        store.wait_until(lambda: store.endpoints.get(name.lower()) is not endpoint)

    def name_of(self, arn: str) -> str:
        for endpoint in store.endpoints:
            if endpoint.arn == arn:
                return str(endpoint.name)
        return arn.removeprefix(arn_of("endpoint", ""))


def _wait(endpoint: Endpoint) -> None:
    """It is not being changed, or somebody else deleted it."""
    store.wait_until(
        lambda: (
            endpoint.status not in BUSY
            or store.endpoints.get(endpoint.name.lower()) is not endpoint
        ),
        stopped=endpoint.stop.is_set,
    )


def _update_request(name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    members = ("EndpointConfigName", "DeploymentConfig", *_ONLY_UPDATE)
    return {"EndpointName": name} | {k: request[k] for k in members if k in request}
