"""A small AWS in memory, and a folder of fake containers that run as real processes."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import adapter
from local_aws.runtime import images, processes

ACCOUNT = "222233334444"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"


def client_error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class MemoryAws:
    """S3, CloudWatch Logs, SNS and ECR as far as the runtime calls them."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.object_arguments: dict[str, dict[str, Any]] = {}
        self.denied: set[str] = set()
        self.logs: dict[tuple[str, str], list[str]] = {}
        self.log_groups: set[str] = set()
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.images: dict[str, dict[str, str] | None] = {}
        self.metrics: list[tuple[str, str, float, dict[str, str]]] = []
        self.roles_used: set[str | None] = set()

    def client(self, service: str, *, role_arn: str | None = None, session_name: str = "") -> Any:
        self.roles_used.add(role_arn)
        return {"s3": FakeS3, "logs": FakeLogs, "sns": FakeSns, "ecr": FakeEcr}[service](self)

    def refuse_if_denied(self, action: str, resource: str) -> None:
        if action in self.denied:
            raise client_error(
                "AccessDenied",
                f"User: {ROLE} is not authorized to perform: {action} on resource: {resource}",
                action,
            )


class FakeS3:
    def __init__(self, aws: MemoryAws) -> None:
        self._aws = aws

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803  boto3's names
        self._aws.refuse_if_denied("s3:GetObject", f"arn:aws:s3:::{Bucket}/{Key}")
        if f"s3://{Bucket}/{Key}" not in self._aws.objects:
            raise client_error("NoSuchKey", "The specified key does not exist.", "GetObject")
        return {"Body": io.BytesIO(self._aws.objects[f"s3://{Bucket}/{Key}"])}

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        **arguments: Any,
    ) -> None:
        self._aws.refuse_if_denied("s3:PutObject", f"arn:aws:s3:::{Bucket}/{Key}")
        self._aws.object_arguments[f"s3://{Bucket}/{Key}"] = arguments
        self._aws.objects[f"s3://{Bucket}/{Key}"] = Body  # last: tests wait for it

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        self._aws.objects.pop(f"s3://{Bucket}/{Key}", None)

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        ContinuationToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        self._aws.refuse_if_denied("s3:ListBucket", f"arn:aws:s3:::{Bucket}")
        start = f"s3://{Bucket}/"
        keys = sorted(uri[len(start) :] for uri in list(self._aws.objects) if uri.startswith(start))
        keys = [key for key in keys if key.startswith(Prefix)]
        first = int(ContinuationToken)
        return {  # pages of two, so that every test of three objects turns a page
            "Contents": [
                {"Key": key, "Size": len(self._aws.objects[start + key])}
                for key in keys[first : first + 2]
            ],
            "IsTruncated": len(keys) > first + 2,
            "NextContinuationToken": str(first + 2),
        }


class FakeLogs:
    def __init__(self, aws: MemoryAws) -> None:
        self._aws = aws

    def put_log_events(
        self,
        *,
        logGroupName: str,  # noqa: N803
        logStreamName: str,  # noqa: N803
        logEvents: list[dict[str, Any]],  # noqa: N803
    ) -> None:
        self._aws.refuse_if_denied("logs:PutLogEvents", logGroupName)
        stream = self._aws.logs.get((logGroupName, logStreamName))
        if stream is None:
            raise client_error("ResourceNotFoundException", "no stream", "PutLogEvents")
        stream += [event["message"] for event in logEvents]

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> None:  # noqa: N803
        if logGroupName not in self._aws.log_groups:
            raise client_error("ResourceNotFoundException", "no group", "CreateLogStream")
        self._aws.logs[logGroupName, logStreamName] = []

    def create_log_group(self, *, logGroupName: str) -> None:  # noqa: N803
        self._aws.log_groups.add(logGroupName)


class FakeSns:
    def __init__(self, aws: MemoryAws) -> None:
        self._aws = aws

    def publish(self, *, TopicArn: str, Message: str) -> None:  # noqa: N803
        self._aws.refuse_if_denied("sns:Publish", TopicArn)
        self._aws.published.append((TopicArn, json.loads(Message)))


class FakeEcr:
    def __init__(self, aws: MemoryAws) -> None:
        self._aws = aws

    def batch_get_image(
        self,
        *,
        repositoryName: str,  # noqa: N803
        imageIds: list[dict[str, str]],  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        self._aws.refuse_if_denied("ecr:BatchGetImage", repositoryName)
        if not any(name.startswith(f"{repositoryName}:") for name in self._aws.images):
            raise client_error("RepositoryNotFoundException", "no repository", "BatchGetImage")
        name = f"{repositoryName}:{imageIds[0]['imageTag']}"
        if name not in self._aws.images:
            return {"images": [], "failures": [{"failureCode": "ImageNotFound"}]}
        manifest = {"schemaVersion": 2, "annotations": self._aws.images[name]}
        return {"images": [{"imageManifest": json.dumps(manifest)}]}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryAws]:
    """The AWS in memory in the adapter's place; no container is left after the test."""
    memory = MemoryAws()

    def put_metric(
        namespace: str,
        name: str,
        value: float,
        *,
        unit: str,
        dimensions: dict[str, str],
        timestamp: Any = None,
    ) -> None:
        memory.metrics.append((namespace, name, value, dimensions))

    replacements: dict[str, Callable[..., Any]] = {
        "account": lambda: ACCOUNT,
        "region": lambda: "us-east-1",
        "endpoint_url": lambda: "http://127.0.0.1:1",
        "client": memory.client,
        "role_credentials": lambda role, session_name: {
            "AWS_ACCESS_KEY_ID": "ASIAROLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": role,
        },
        "put_metric": put_metric,
        "scaled": lambda seconds: seconds / 60,
        "state_dir": lambda: tmp_path / "state",
    }
    for name, function in replacements.items():
        monkeypatch.setattr(adapter, name, function)
    yield memory
    processes.kill_all()


class FakeImages:
    """Images whose program is a script of the test, in the layout of the repository."""

    def __init__(self, aws: MemoryAws, root: Path) -> None:
        self._aws, self.root = aws, root

    def add(self, name: str, script: str) -> str:
        folder = self.root / "containers" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "__main__.py").write_text(textwrap.dedent(script))
        interpreter = self.root / ".venvs" / name / "bin" / "python"
        interpreter.parent.mkdir(parents=True)
        interpreter.symlink_to(sys.executable)
        self._aws.images[f"flights/{name}:1"] = {
            images.ANNOTATION_CONTAINER: name,
            images.ANNOTATION_ENTRYPOINT: json.dumps(["python", "-m", name]),
        }
        return f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/flights/{name}:1"


@pytest.fixture
def image(aws: MemoryAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeImages:
    """Adds images: `image.add("trainer", script)` returns the URI of one that runs the script."""
    root = tmp_path / "repository"
    monkeypatch.setattr(images, "REPOSITORY_ROOT", root)
    return FakeImages(aws, root)


@pytest.fixture
def model_archive() -> Callable[..., bytes]:
    """Packs files into the bytes of a .tar.gz: `model_archive(weights=b"42")`."""

    def pack(**files: bytes) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return out.getvalue()

    return pack


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Waits, at most 30 seconds, until what is asked is true, and returns it."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 30
        while not (value := condition()):
            assert time.monotonic() < deadline, "it never became true"
            time.sleep(0.02)
        return value

    return wait


@pytest.fixture
def stop_when_said(aws: MemoryAws, eventually: Any) -> Callable[..., threading.Event]:
    """A stop that is asked for once so many containers have said a line."""

    def stop(line: str, *, times: int = 1) -> threading.Event:
        asked = threading.Event()

        def watch() -> None:
            eventually(lambda: sum(lines.count(line) for lines in list(aws.logs.values())) >= times)
            asked.set()

        threading.Thread(target=watch, daemon=True).start()
        return asked

    return stop


SERVER = """
    import json, os, sys, time
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *a): pass
        def answer(self, status, body, **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def do_GET(self):
            if self.path == "/ping":
                self.answer(200, b"")
            else:
                self.answer(404, b"")
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.invocation(body)
        def invocation(self, body):
            print("got", len(body), flush=True)
            self.answer(200, body.upper(), Content_Type=self.headers.get("Accept", "text/csv"))
"""

RUN_SERVER = """
    assert sys.argv[1:] == ["serve"], sys.argv
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""  # noqa: E501  one line of a program


@pytest.fixture
def server(image: FakeImages) -> Callable[[str, str], str]:
    """Adds an inference image; `overrides` are methods of its HTTP handler or lines before it."""

    def add(name: str = "server", overrides: str = "", before: str = "") -> str:
        parts = [textwrap.dedent(part) for part in (SERVER, before, overrides, RUN_SERVER)]
        parts[2] = textwrap.indent(parts[2], "    ")
        return image.add(name, "\n".join([parts[1], parts[0] + parts[2], parts[3]]))

    return add
