"""A job outlives its credentials: they are botocore's, asked for again for every request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials
from support.memory_s3 import MemoryS3

from preprocess import job
from preprocess.s3 import S3Error
from preprocess_spark.engine import Engine
from preprocess_spark.work import client
from tests.unit.preprocess_spark.conftest import Here
from tests.unit.preprocess_spark.test_two_engines import BLOCK, table

EXPIRED = (
    b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired</Message></Error>"
)
EVENT = {
    "object": {"bucket": "raw", "key": "a.csv"},
    "dataset": BLOCK,
    "output": {"bucket": "data"},
}


class Role:
    """Credentials of half an hour; each request takes a minute."""

    LIFE = timedelta(minutes=30)

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.ends: dict[str, datetime] = {}
        self.used: list[str] = []

    def renew(self) -> dict[str, str]:
        token = f"token-{len(self.ends)}"
        self.ends[token] = self.now + self.LIFE
        return {
            "access_key": "a",
            "secret_key": "b",
            "token": token,
            "expiry_time": self.ends[token].isoformat(),
        }

    def good(self, token: str) -> bool:
        self.now += timedelta(minutes=1)
        self.used.append(token)
        return self.now < self.ends[token]


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> Role:
    found = Role()
    credentials = RefreshableCredentials.create_from_metadata(
        found.renew(), found.renew, "container-role"
    )
    credentials._time_fetcher = lambda: found.now
    monkeypatch.setattr(botocore.session.Session, "get_credentials", lambda _self, **_: credentials)
    return found


@pytest.fixture
def store(role: Role, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryS3]:
    """An S3 over HTTP that refuses a token past its time."""
    store = MemoryS3()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", headers.get("size") or str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _do(self) -> None:
            _, bucket, key = self.path.partition("?")[0].split("/", 2)
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not role.good(self.headers["X-Amz-Security-Token"]):
                return self._reply(400, EXPIRED)
            try:
                if self.command == "PUT":
                    kept = store.put(
                        bucket,
                        key,
                        sent,
                        content_type="",
                        if_none_match="If-None-Match" in self.headers,
                        if_match=(self.headers.get("If-Match") or "").strip('"') or None,
                    )
                    return self._reply(200 if kept else 412)
                head = store.head(bucket, key)
                if self.command == "HEAD":
                    return self._reply(200, ETag=f'"{head.etag}"', size=str(head.size))
                asked = (self.headers.get("Range") or "bytes=0-").removeprefix("bytes=")
                first, _, last = asked.partition("-")
                body = store.get(bucket, key, first=int(first), last=int(last or head.size))
                return self._reply(200, body, ETag=f'"{head.etag}"')
            except S3Error:
                return self._reply(404, b"<Error><Code>NoSuchKey</Code></Error>")

        do_GET = do_HEAD = do_PUT = _do  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
    yield store
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_job_longer_than_its_credentials_publishes_its_version(
    role: Role, store: MemoryS3
) -> None:
    store.objects["raw", "a.csv"] = table(1, 400, 0)
    engine = Engine(Here(), region="us-east-1", range_bytes=2000)
    outcome = job.process(EVENT, client("us-east-1"), engine.prepare)
    assert outcome.rows["in"] == 400
    assert len(set(role.used)) > 1, "no credentials ended meanwhile"
    assert role.now > datetime(2026, 1, 1, tzinfo=UTC) + role.LIFE
    published = [key for bucket, key in store.objects if bucket == "data"]
    assert any(key.endswith("statistics.json") for key in published)


def test_one_client_signs_with_what_is_good_now(role: Role, store: MemoryS3) -> None:
    s3 = client("us-east-1")
    for number in range(100):
        s3.put("data", "a", str(number).encode(), content_type="text/plain")
    assert store.objects["data", "a"] == b"99"
    assert len(set(role.used)) > 3
