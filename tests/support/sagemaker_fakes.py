"""Made-up containers and AWS services, as far as the local SageMaker asks them something."""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws.runtime import hosting
from local_aws.runtime.containers import Invocation, RuntimeFailure

ROLE = "arn:aws:iam::222233334444:role/flights-hosting"
IMAGE = "222233334444.dkr.ecr.us-east-1.amazonaws.com/flights-local/inference:0123456789abcdef"
MODEL_DATA = "s3://artifacts/job/output/model.tar.gz"
PATIENCE_SECONDS = 30


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
        self.running = 0  # so that asynchronous requests wait: their delivery is the runtime's

    world: Containers

    def start(self, stop: threading.Event) -> None:
        self.world.gate.wait(PATIENCE_SECONDS)
        if self.spec.container.model_data_url in self.world.broken:
            raise RuntimeFailure("The primary container did not pass the ping health check.")
        self.world.running.append(self)

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Invocation:
        if self not in self.world.running:
            raise RuntimeFailure("nothing runs here any more")
        self.requests.append(body)
        if self.world.error:
            raise self.world.error
        return self.world.answer

    def invoke_stream(self, body: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
        if self.world.error:
            raise self.world.error
        return iter([b"one ", b"two"])

    def limit(self, max_concurrency: int) -> None:
        self.max_concurrency = max_concurrency

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


def _client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
