"""A SageMaker without the rest of AWS: roles, objects, images and containers are made up here."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import adapter, autoscaling
from local_aws.adapter.types import Request, Response
from local_aws.runtime import hosting
from local_aws.runtime.containers import Invocation, RuntimeFailure
from local_aws.runtime.training import TrainingOutcome
from local_aws.sagemaker import api, data_plane, store, training_jobs
from local_aws.sagemaker.errors import ServiceError
from local_aws.sagemaker.operations import OPERATIONS
from tests.support.response_shapes import require_shape

ROLE = "arn:aws:iam::222233334444:role/flights-hosting"
IMAGE = "222233334444.dkr.ecr.us-east-1.amazonaws.com/flights-local/inference:0123456789abcdef"
MODEL_DATA = "s3://artifacts/job/output/model.tar.gz"
_PATIENCE_SECONDS = 10


class Containers:
    """What the made-up containers do; a test changes it before it acts."""

    def __init__(self) -> None:
        self.running: list[FakeVariant] = []
        self.broken: set[str] = set()  # artifacts whose container never answers /ping
        self.answer = Invocation(
            status=200,
            headers={"content-type": "application/json"},
            body=b'{"predictions": []}',
            model_latency_us=1500,
            overhead_us=200,
        )
        self.error: Exception | None = None
        self.gate = threading.Event()  # closed, a starting container waits
        self.gate.set()


class FakeVariant:
    def __init__(self, spec: hosting.VariantSpec) -> None:
        self.spec, self.count = spec, spec.count
        self.requests: list[bytes] = []
        self.scale_failure: str | None = None

    world: Containers

    def start(self, stop: threading.Event) -> None:
        self.world.gate.wait(_PATIENCE_SECONDS)
        if self.spec.container.model_data_url in self.world.broken:
            raise RuntimeFailure("The primary container did not pass the ping health check.")
        self.world.running.append(self)

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Invocation:
        self.requests.append(body)
        if self.world.error:
            raise self.world.error
        return self.world.answer

    def invoke_stream(self, body: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
        if self.world.error:
            raise self.world.error
        return iter([b"one ", b"two"])

    def scale(self, count: int) -> None:
        if self.scale_failure:
            raise RuntimeFailure(self.scale_failure)
        self.count = count

    def stop(self) -> None:
        if self in self.world.running:
            self.world.running.remove(self)


class FakeClients:
    """S3, ECR, SNS and CloudWatch, as far as SageMaker asks them something."""

    def __init__(self) -> None:
        self.objects = {MODEL_DATA}
        self.images = {IMAGE}
        self.alarms: dict[str, str] = {}
        self.topics: set[str] = set()
        self.published: list[tuple[str, dict[str, Any]]] = []

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if f"s3://{Bucket}/{Key}" not in self.objects:
            raise _client_error("404", "HeadObject")
        return {}

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:  # noqa: N803
        found = [o for o in self.objects if o.startswith(f"s3://{Bucket}/{Prefix}")]
        return {"Contents": found[:MaxKeys]}

    def batch_get_image(
        self,
        *,
        repositoryName: str,  # noqa: N803
        imageIds: list[dict[str, str]],  # noqa: N803
    ) -> dict[str, Any]:
        tag = imageIds[0]["imageTag"]
        return {"images": [i for i in self.images if i.endswith(f"/{repositoryName}:{tag}")]}

    def describe_alarms(self, *, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        known = [name for name in AlarmNames if name in self.alarms]
        return {"MetricAlarms": [{"AlarmName": n, "StateValue": self.alarms[n]} for n in known]}

    def publish(self, *, TopicArn: str, Message: str) -> None:  # noqa: N803
        if TopicArn not in self.topics:
            raise _client_error("AuthorizationError", "Publish")
        self.published.append((TopicArn, json.loads(Message)))


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
        deadline = time.monotonic() + _PATIENCE_SECONDS
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


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    world = Aws()
    monkeypatch.setattr(FakeVariant, "world", world.containers, raising=False)
    monkeypatch.setattr(hosting, "Variant", FakeVariant)
    monkeypatch.setattr(training_jobs, "run_training_job", _trainer(world))
    monkeypatch.setattr(adapter, "account", lambda: "222233334444")
    monkeypatch.setattr(adapter, "region", lambda: "us-east-1")
    monkeypatch.setattr(adapter, "scaled", lambda seconds: seconds / 1000)
    monkeypatch.setattr(adapter, "client", lambda service, **rest: world.services)
    monkeypatch.setattr(adapter, "role_trusts", lambda role, _principal: role in world.trusted)
    monkeypatch.setattr(
        adapter,
        "denied_actions",
        lambda role, actions, resource: [a for a in actions if a in world.denied],
    )
    monkeypatch.setattr(
        adapter,
        "put_event",
        lambda kind, detail, resources, source="aws.sagemaker": world.events.append(
            {"detail-type": kind, "detail": json.loads(json.dumps(detail)), "resources": resources}
        ),
    )
    monkeypatch.setattr(
        adapter,
        "put_metric",
        lambda namespace, name, value, unit, dimensions, timestamp=None: world.metrics.append(
            (name, value, dict(dimensions))
        ),
    )
    monkeypatch.setattr(
        autoscaling, "registered", lambda resource, dim=None: (resource, dim) in world.registered
    )
    store.clear()
    yield world
    store.clear()


@pytest.fixture(scope="session")
def operations() -> list[str]:
    return list(OPERATIONS)


def _trainer(world: Aws) -> Any:
    def run(job: Mapping[str, Any], *, update: Any, stop: threading.Event) -> TrainingOutcome:
        update(SecondaryStatus="Downloading", StatusMessage="Downloading input data")
        update(SecondaryStatus="Training", StatusMessage="Training in progress")
        if world.training_waits:
            assert stop.wait(_PATIENCE_SECONDS)
            return TrainingOutcome(status="Stopped", secondary_status="Stopped")
        return world.training

    return run


def _client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
