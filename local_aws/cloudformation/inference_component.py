"""AWS::SageMaker::InferenceComponent: made, changed in place and deleted, each until it is done.

CloudFormation resource schema: the ARN is the primary identifier and no property is create-only,
so nothing replaces a component. UpdateInferenceComponent takes neither another endpoint, nor
another variant, nor another name: such a change fails here and says so.
"""

import time
from collections.abc import Mapping
from typing import Any

from local_aws import adapter
from local_aws.cloudformation.resource import Properties, ResourceType
from local_aws.sagemaker import api, store
from local_aws.sagemaker.arns import arn as arn_of
from local_aws.sagemaker.errors import ServiceError
from local_aws.sagemaker.inference_components.component import BUSY, Component, require

_FIXED = ("EndpointArn", "EndpointName", "InferenceComponentName", "VariantName")
_CHANGES = ("RuntimeConfig", "Specification", "Specifications")
_RETRY_SECONDS = 15.0


class InferenceComponentType(ResourceType):
    """Creates and updates return once the component is InService, or raise its FailureReason."""

    def request(self, properties: Properties) -> dict[str, Any]:
        # UpdateInferenceComponent knows DeploymentConfig, CreateInferenceComponent does not.
        request = super().request(properties)
        deployment = {k: v for k, v in request.items() if k == "DeploymentConfig"}
        return request | self.coerced("UpdateInferenceComponent", deployment)

    def settle_create(self, name: str) -> None:
        component = require(name)
        _wait(component)
        if component.status not in ("InService", "Updating"):  # it may be scaled at once
            reason = component.failure_reason
            # Nobody knows the physical id of a create that failed, so nobody else would delete it.
            self.remove(name)
            raise RuntimeError(f"Inference component {name} failed to be created: {reason}")

    def settle_update(self, arn: str, request: Properties, changed: set[str]) -> None:
        fixed = sorted(changed.intersection(_FIXED))
        if fixed:
            raise ValueError(
                f"{', '.join(fixed)} of an inference component cannot be changed: give the "
                "resource another logical id, and the component another name"
            )
        if not changed.intersection(_CHANGES):
            return
        component = require(self.name_of(arn))
        _wait(component)
        wanted = {k: request[k] for k in _CHANGES if k in request and k in changed}
        if _has(component, wanted):
            return  # a rollback of the stack meets a component that went back by itself
        deployment = {k: v for k, v in request.items() if k == "DeploymentConfig"}
        update = {"InferenceComponentName": component.name} | wanted | deployment
        api.call("UpdateInferenceComponent", update)
        _wait(component)
        if component.failure_reason or not _has(component, wanted):
            raise RuntimeError(
                f"Inference component {component.name} failed to update: {component.failure_reason}"
            )

    def remove(self, name: str) -> None:
        component = require(name)
        while True:
            _wait(component)  # a component being changed cannot be deleted
            try:
                super().remove(name)
            except ServiceError as error:
                if "_IN_PROGRESS" not in error.message:
                    raise
                time.sleep(min(1.0, adapter.scaled(_RETRY_SECONDS)))  # it was scaled just now
            else:
                break
        store.wait_until(lambda: store.inference_components.get(name.lower()) is not component)

    def attributes(self, arn: str) -> dict[str, Any]:
        described = require(self.name_of(arn)).describe()
        runtime = described["RuntimeConfig"]
        return {
            "InferenceComponentArn": arn,
            "InferenceComponentName": described["InferenceComponentName"],
            "InferenceComponentStatus": described["InferenceComponentStatus"],
            "CreationTime": str(described["CreationTime"]),
            "LastModifiedTime": str(described["LastModifiedTime"]),
            "FailureReason": described.get("FailureReason", ""),
            "RuntimeConfig.CurrentCopyCount": str(runtime["CurrentCopyCount"]),
            "RuntimeConfig.DesiredCopyCount": str(runtime["DesiredCopyCount"]),
        }

    def name_of(self, arn: str) -> str:
        for component in store.inference_components:
            if component.arn == arn:
                return str(component.name)
        return arn.removeprefix(arn_of("inference-component", ""))


def _wait(component: Component) -> None:
    store.wait_until(lambda: component.status not in BUSY, stopped=component.stop.is_set)


def _has(component: Component, wanted: Mapping[str, Any]) -> bool:
    """Whether the component already is as wanted, and in service."""
    specification = {k: v for k, v in wanted.items() if k != "RuntimeConfig"}
    copies = wanted.get("RuntimeConfig", {}).get("CopyCount", component.desired)
    return (
        component.status == "InService"
        and specification in ({}, component.revision.given)
        and copies == component.desired == len(component.copies)
    )


TYPE = InferenceComponentType(
    noun="InferenceComponent",
    properties=(
        "DeploymentConfig",
        "EndpointArn",
        "EndpointName",
        "InferenceComponentName",
        "RuntimeConfig",
        "Specification",
        "Specifications",
        "Tags",
        "VariantName",
    ),
    updatable=("DeploymentConfig", "Tags", *_FIXED, *_CHANGES),
    not_in_create=("DeploymentConfig", "EndpointArn"),
    records=lambda: (),
)
