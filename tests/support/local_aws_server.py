"""Local AWS servers for tests: started on a free port, gone when the test is.

    from support.local_aws_server import local_aws_server  # noqa: F401 - a fixture

    def test_something(local_aws_server):
        aws = local_aws_server(enforce=True, time_factor=60)
        aws.client("s3").list_buckets()
        aws.as_role(arn).client("s3")  # signed with the role's own session

A server takes about two seconds to start. `LocalAws.started` gives one to a fixture of any scope:

    @pytest.fixture(scope="module")
    def aws(tmp_path_factory):
        with LocalAws.started(tmp_path_factory.mktemp("aws")) as server:
            yield server
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config
from support.ports import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venvs/local_aws/bin/python"
ACCOUNT = "222233334444"
REGION = "us-east-1"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class LocalAws:
    """A running server, seen by one principal: the account's root unless `as_role` made it."""

    port: int
    state: Path
    process: subprocess.Popen[bytes]
    access_key: str = ACCOUNT
    secret_key: str = "local"
    session_token: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file(self.state).read_text(errors="replace")

    @staticmethod
    def log_file(state: Path) -> Path:
        return state / "server.log"

    def session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            aws_session_token=self.session_token,
            region_name=REGION,
        )

    def client(self, service: str) -> Any:
        """A boto3 client that asks once and never reads the developer's own profile."""
        if service not in self._clients:
            self._clients[service] = self.session().client(  # type: ignore[call-overload]
                service,
                endpoint_url=self.endpoint,
                config=Config(
                    retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={}
                ),
            )
        return self._clients[service]

    def as_role(self, role_arn: str, *, session_name: str = "test") -> "LocalAws":
        """The same server, called with a session of the role: what it may not do is denied."""
        got = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session_name)
        credentials = got["Credentials"]
        return LocalAws(
            port=self.port,
            state=self.state,
            process=self.process,
            access_key=credentials["AccessKeyId"],
            secret_key=credentials["SecretAccessKey"],
            session_token=credentials["SessionToken"],
        )

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Variables under which the CDK CLI, the AWS CLI and boto3 talk to this server."""
        path = os.pathsep.join(
            [
                str(REPOSITORY / ".venv/bin"),
                str(REPOSITORY / "node_modules/.bin"),
                (base or os.environ).get("PATH", ""),
            ]
        )
        kept = {
            name: value
            for name, value in (base or os.environ).items()
            if not name.startswith("AWS_")
        }
        return {
            **kept,
            "PATH": path,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            **({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }

    def stop(self) -> float:
        """End the server as `make` does, with SIGTERM; the seconds it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return time.monotonic() - began

    @staticmethod
    @contextlib.contextmanager
    def started(
        state: Path,
        *,
        enforce: bool = False,
        time_factor: float = 1,
        port: int | None = None,
        launcher: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Iterator["LocalAws"]:
        """A server that is ready, stopped at the end; `launcher` is a script to run in its place,
        which must end in `local_aws.__main__.main()` with the arguments it was given."""
        port = port or free_port()
        state.mkdir(parents=True, exist_ok=True)
        with LocalAws.log_file(state).open("wb") as log:
            process = subprocess.Popen(
                [
                    str(PYTHON),
                    *([str(launcher)] if launcher else ["-m", "local_aws"]),
                    "serve",
                    *("--port", str(port), "--state", str(state)),
                    *(["--enforce"] if enforce else []),
                    *("--time-factor", str(time_factor)),
                ],
                cwd=REPOSITORY,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})},
            )
        server = LocalAws(port=port, state=state, process=process)
        try:
            server._wait_until_ready()
            yield server
        finally:
            server.stop()

    def _wait_until_ready(self) -> None:
        announcement = self.state / "server.json"
        deadline = time.monotonic() + _START_SECONDS
        while not announcement.exists():
            if self.process.poll() is not None:
                pytest.fail(f"the local AWS ended with {self.process.returncode}:\n{self.log}")
            if time.monotonic() > deadline:
                pytest.fail(f"the local AWS was not ready in {_START_SECONDS} s:\n{self.log}")
            time.sleep(0.05)
        assert json.loads(announcement.read_text())["port"] == self.port


class ServerFactory(Protocol):
    def __call__(
        self, *, enforce: bool = False, time_factor: float = 1, launcher: Path | None = None
    ) -> LocalAws: ...


@pytest.fixture
def local_aws_server(tmp_path: Path) -> Iterator[ServerFactory]:
    """Call it to start a server; each is stopped when the test ends."""
    with contextlib.ExitStack() as stack:
        count = 0

        def start(
            *, enforce: bool = False, time_factor: float = 1, launcher: Path | None = None
        ) -> LocalAws:
            nonlocal count
            count += 1
            return stack.enter_context(
                LocalAws.started(
                    tmp_path / f"local-aws-{count}",
                    enforce=enforce,
                    time_factor=time_factor,
                    launcher=launcher,
                )
            )

        yield start
