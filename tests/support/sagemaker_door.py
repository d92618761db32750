"""The local SageMaker under test, called without a server around it."""

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from support.response_shapes import require_shape
from support.sagemaker_fakes import (
    IMAGE,
    MODEL_DATA,
    PATIENCE_SECONDS,
    ROLE,
    Containers,
    FakeClients,
)

from local_aws.adapter.types import Request, Response
from local_aws.runtime.training import TrainingOutcome
from local_aws.sagemaker import api, data_plane, store
from local_aws.sagemaker.errors import ServiceError


class Aws:
    """The door of the SageMaker under test, and everything around it."""

    role, image, model_data = ROLE, IMAGE, MODEL_DATA

    def __init__(self) -> None:
        self.containers = Containers()
        self.services = FakeClients()
        self.trusted = {ROLE}
        self.denied: set[str] = set()
        self.registered: set[tuple[str, str | None]] = set()
        self.events: list[dict[str, Any]] = []
        self.metrics: list[tuple[str, float, dict[str, str]]] = []
        self.training = TrainingOutcome(
            status="Completed",
            secondary_status="Completed",
            model_artifacts="s3://artifacts/out/job/output/model.tar.gz",
            final_metrics=[{"MetricName": "test:auc", "Value": 0.8, "Timestamp": time.time()}],
            billable_seconds=3,
            training_seconds=3,
        )
        self.training_waits = False

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """The response of an operation, checked against the API's output shape."""
        request = Request(
            method="POST", path="/", headers={}, body=json.dumps(params).encode(), action=operation
        )
        response = api.handle(request)
        assert isinstance(response.body, bytes)
        body: dict[str, Any] = json.loads(response.body)
        if response.status != 200:
            assert response.headers["x-amzn-errortype"] == body["__type"]
            raise ServiceError(body["__type"], body["message"], status=response.status)
        require_shape("sagemaker", operation, body)
        return body

    def refusal(self, operation: str, **params: Any) -> ServiceError:
        with pytest.raises(ServiceError) as caught:
            self.call(operation, **params)
        return caught.value

    def http(
        self, path: str, body: bytes = b"", method: str = "POST", **headers: str
    ) -> tuple[Response, bytes]:
        """A data-plane call and its whole body; header names take underscores for dashes."""
        given = {k.replace("_", "-").lower(): v for k, v in headers.items()}
        response = data_plane.handle(Request(method=method, path=path, headers=given, body=body))
        whole = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        return response, whole

    def eventually(self, done: Any) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    def settled(self, name: str) -> dict[str, Any]:
        """DescribeEndpoint once nothing is being done to it."""
        busy = ("Creating", "Updating", "RollingBack", "Deleting")
        self.eventually(
            lambda: self.call("DescribeEndpoint", EndpointName=name)["EndpointStatus"] not in busy
        )
        return self.call("DescribeEndpoint", EndpointName=name)

    def model(self, name: str = "model", **container: Any) -> str:
        definition = {"Image": IMAGE, "ModelDataUrl": MODEL_DATA} | container
        definition = {k: v for k, v in definition.items() if v is not None}
        self.call("CreateModel", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=definition)
        return name

    def variant(self, **changes: Any) -> dict[str, Any]:
        variant = {
            "VariantName": "primary",
            "ModelName": "model",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        } | changes
        return {k: v for k, v in variant.items() if v is not None}

    def config(self, name: str, *variants: dict[str, Any], **rest: Any) -> str:
        chosen = list(variants) or [self.variant()]
        self.call(
            "CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=chosen, **rest
        )
        return name

    def endpoint(self, name: str = "flights", *variants: dict[str, Any], **rest: Any) -> str:
        """An endpoint in service, on a configuration called `<name>-1`."""
        if store.models.get("model") is None:
            self.model()
        self.config(f"{name}-1", *variants, **rest)
        self.call("CreateEndpoint", EndpointName=name, EndpointConfigName=f"{name}-1")
        assert self.settled(name)["EndpointStatus"] == "InService"
        return name

    def training_job(self, name: str = "job", **changes: Any) -> dict[str, Any]:
        """What CreateTrainingJob takes; a change to None leaves a member out."""
        wanted = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "OutputDataConfig": {"S3OutputPath": "s3://artifacts/out"},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 10,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        } | changes
        return {k: v for k, v in wanted.items() if v is not None}

    def train(self, job: Mapping[str, Any], *, update: Any, stop: threading.Event) -> Any:
        """In the place of the runtime's run_training_job."""
        update(SecondaryStatus="Downloading", StatusMessage="Downloading input data")
        update(SecondaryStatus="Training", StatusMessage="Training in progress")
        if self.training_waits:
            assert stop.wait(PATIENCE_SECONDS)
            return TrainingOutcome(status="Stopped", secondary_status="Stopped")
        return self.training
