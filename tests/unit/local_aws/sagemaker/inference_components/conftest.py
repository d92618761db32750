"""Endpoints that hold inference components, in the SageMaker of the folder above."""

from collections.abc import Callable
from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.sagemaker.errors import ServiceError

Components = Callable[..., dict[str, Any]]


class Hosting:
    """Short ways to make components and to look at them."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def variant(self, **changes: Any) -> dict[str, Any]:
        """A variant without a model on `ml.m5.xlarge` (4 vCPUs, 16 GiB)."""
        return self.aws.variant(ModelName=None, InstanceType="ml.m5.xlarge", **changes)

    def managed(self, least: int, most: int, **rest: Any) -> dict[str, Any]:
        bounds = {"Status": "ENABLED", "MinInstanceCount": least, "MaxInstanceCount": most}
        return self.variant(ManagedInstanceScaling=bounds | rest)

    def endpoint(self, *variants: dict[str, Any], name: str = "shared", **rest: Any) -> str:
        chosen = variants or (self.variant(),)
        return self.aws.endpoint(name, *chosen, ExecutionRoleArn=self.aws.role, **rest)

    def request(self, name: str = "churn", **changes: Any) -> dict[str, Any]:
        """CreateInferenceComponent for a copy of a quarter of an instance."""
        request = {
            "InferenceComponentName": name,
            "EndpointName": "shared",
            "VariantName": "primary",
            "Specification": self.specification(),
            "RuntimeConfig": {"CopyCount": 1},
        } | changes
        return {k: v for k, v in request.items() if v is not None}

    def specification(
        self, *, memory: int = 4096, cores: float = 1, **changes: Any
    ) -> dict[str, Any]:
        needs = {"MinMemoryRequiredInMb": memory, "NumberOfCpuCoresRequired": cores}
        specification = {"ModelName": "model", "ComputeResourceRequirements": needs} | changes
        return {k: v for k, v in specification.items() if v is not None}

    def component(self, name: str = "churn", **changes: Any) -> dict[str, Any]:
        """The component as described once it is no longer being made."""
        self.aws.call("CreateInferenceComponent", **self.request(name, **changes))
        return self.settled(name)

    def settled(self, name: str = "churn") -> dict[str, Any]:
        busy = ("Creating", "Updating", "Deleting")
        self.aws.eventually(lambda: self.describe(name)["InferenceComponentStatus"] not in busy)
        return self.describe(name)

    def describe(self, name: str = "churn") -> dict[str, Any]:
        return self.aws.call("DescribeInferenceComponent", InferenceComponentName=name)

    def gone(self, name: str = "churn") -> None:
        def missing() -> bool:
            try:
                self.describe(name)
            except ServiceError:
                return True
            return False

        self.aws.eventually(missing)

    def scale(self, count: int, name: str = "churn") -> dict[str, Any]:
        self.aws.call(
            "UpdateInferenceComponentRuntimeConfig",
            InferenceComponentName=name,
            DesiredRuntimeConfig={"CopyCount": count},
        )
        return self.settled(name)

    def instances(self, endpoint: str = "shared") -> int:
        described = self.aws.call("DescribeEndpoint", EndpointName=endpoint)
        return int(described["ProductionVariants"][0]["CurrentInstanceCount"])

    def invoke(self, name: str | None = "churn", endpoint: str = "shared") -> tuple[int, bytes]:
        headers = {"x_amzn_sagemaker_inference_component": name} if name else {}
        response, body = self.aws.http(f"/endpoints/{endpoint}/invocations", b"1,2", **headers)
        return response.status, body


@pytest.fixture
def hosting(aws: Aws) -> Hosting:
    return Hosting(aws)
