"""Variants serve through real processes under the contract of contracts.md section 2."""

from __future__ import annotations

import io
import itertools
import os
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from local_aws.runtime import fleet, hosting
from local_aws.runtime.containers import (
    ContainerSpec,
    RuntimeFailure,
    StreamRefused,
    Throttled,
    Timeout,
)
from local_aws.runtime.hosting import Variant, VariantSpec

ROLE = "arn:aws:iam::222233334444:role/execution"


@pytest.fixture
def variant(aws: Any, model_archive: Callable[..., bytes]) -> Iterator[Callable[..., Variant]]:
    """Makes variants, and stops them after the test."""
    aws.objects["s3://artifacts/model.tar.gz"] = model_archive(weights=b"42")
    made: list[Variant] = []

    def make(image: str, **changes: Any) -> Variant:
        container = ContainerSpec(
            image=image,
            model_data_url=changes.pop("model", "s3://artifacts/model.tar.gz"),
            model_data_source=None,
            environment=changes.pop("environment", {}),
            role_arn=ROLE,
        )
        values: dict[str, Any] = {
            "endpoint_name": "flights-local-realtime",
            "variant_name": "primary",
            "container": container,
            "kind": "instance",
            "instance_type": "ml.m5.large",
            "count": 1,
            "memory_mb": None,
            "max_concurrency": None,
            "startup_timeout_seconds": 60,
            **changes,
        }
        made.append(Variant(VariantSpec(**values)))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def started(one: Variant) -> Variant:
    one.start(threading.Event())
    return one


def answer_of(one: Variant, body: bytes = b"") -> bytes | None:
    """None while no container takes the request."""
    with suppress(RuntimeFailure):
        return one.invoke(body, {}).body
    return None


WHO = """
    def invocation(self, body):
        base = os.environ["SAGEMAKER_BASE_DIR"]
        seen = {"pid": os.getpid(), "headers": {k.lower(): v for k, v in self.headers.items()},
                "model": open(base + "/model/weights").read(),
                "writable": os.access(base + "/model/weights", os.W_OK) and os.getuid() != 0,
                "mode": oct(os.stat(base + "/model/weights").st_mode)}
        self.answer(200, json.dumps(seen).encode(), Content_Type="application/json",
                    X_Amzn_SageMaker_Custom_Attributes="trace=1")
"""


def ask(one: Variant, **headers: str) -> dict[str, Any]:
    import json

    answer: dict[str, Any] = json.loads(one.invoke(b"x", headers).body)
    return answer


def test_answers_with_the_containers_words_and_times(server: Any, variant: Any) -> None:
    one = started(variant(server()))
    answer = one.invoke(b"a,b\n", {"Content-Type": "text/csv", "Accept": "text/plain"})
    assert (answer.status, answer.body) == (200, b"A,B\n")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.model_latency_us > 0
    assert answer.overhead_us >= 0
    assert one.healthy()


def test_the_model_is_unpacked_and_read_only(server: Any, variant: Any) -> None:
    """Contracts 2.1."""
    seen = ask(started(variant(server(overrides=WHO))))
    assert seen["model"] == "42"
    assert not seen["writable"]
    assert seen["mode"] == "0o100444"


def test_only_the_documented_headers_reach_the_container(server: Any, variant: Any) -> None:
    """Contracts 2.2: the rest is stripped."""
    seen = ask(
        started(variant(server(overrides=WHO))),
        **{
            "Content-Type": "text/csv",
            "X-Amzn-SageMaker-Custom-Attributes": "trace=1",
            "X-Amzn-SageMaker-Inference-Id": "i-1",
            "Authorization": "AWS4 secret",
            "X-Amz-Security-Token": "secret",
            "X-Amzn-SageMaker-Target-Variant": "primary",
        },
    )
    headers = seen["headers"]
    assert headers["x-amzn-sagemaker-custom-attributes"] == "trace=1"
    assert headers["x-amzn-sagemaker-inference-id"] == "i-1"
    assert not {"authorization", "x-amz-security-token", "x-amzn-sagemaker-target-variant"} & (
        headers.keys()
    )


def test_instances_are_asked_in_turn(server: Any, variant: Any) -> None:
    one = started(variant(server(overrides=WHO), count=2))
    assert len({ask(one)["pid"] for _ in range(4)}) == 2
    assert one.running == 2


def test_an_error_of_the_model_is_handed_back(server: Any, variant: Any) -> None:
    overrides = """
        def invocation(self, body):
            self.answer(400, b'{"error": "column late is missing"}')
    """
    answer = started(variant(server(overrides=overrides))).invoke(b"", {})
    assert (answer.status, answer.body) == (400, b'{"error": "column late is missing"}')


def test_output_is_in_the_endpoints_log_group(
    aws: Any, server: Any, variant: Any, eventually: Any
) -> None:
    """Contracts 2.3: the group that ModelError's text points at."""
    started(variant(server())).invoke(b"abc", {})
    streams = eventually(lambda: [s for s, lines in list(aws.logs.items()) if "got 3" in lines])
    assert streams[0][0] == "/aws/sagemaker/Endpoints/flights-local-realtime"
    assert streams[0][1].startswith("primary/i-")


def test_refuses_a_container_that_ends_at_once(server: Any, variant: Any) -> None:
    """Not after the start-up window, and with what it said."""
    began = time.monotonic()
    with pytest.raises(RuntimeFailure) as refusal:
        started(variant(server(before="import sys; sys.exit('cannot read model.onnx')")))
    assert "did not pass the ping health check: it ended with exit code 1" in refusal.value.reason
    assert "cannot read model.onnx" in refusal.value.reason
    assert time.monotonic() - began < 60


def test_refuses_a_container_that_never_answers_ping(server: Any, variant: Any) -> None:
    overrides = """
        def do_GET(self):
            self.answer(503, b"")
    """
    with pytest.raises(RuntimeFailure, match="it gave no 200 in 1 seconds"):
        started(variant(server(overrides=overrides), startup_timeout_seconds=1))


def test_start_can_be_called_off(server: Any, variant: Any) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(RuntimeFailure, match="was stopped"):
        variant(server(before="import time; time.sleep(30)")).start(stop)


def test_refuses_a_model_that_is_not_there(server: Any, variant: Any) -> None:
    with pytest.raises(
        RuntimeFailure, match=r"there is no object at s3://artifacts/other\.tar\.gz"
    ):
        started(variant(server(), model="s3://artifacts/other.tar.gz"))


def test_refuses_a_role_that_may_not_read_the_model(aws: Any, server: Any, variant: Any) -> None:
    aws.denied.add("s3:GetObject")
    with pytest.raises(RuntimeFailure, match="is not authorized to perform: s3:GetObject"):
        started(variant(server()))


def test_an_invocation_that_takes_too_long_is_a_timeout(server: Any, variant: Any) -> None:
    """Contracts 2.2: 60 seconds, shortened here."""
    overrides = """
        def invocation(self, body):
            time.sleep(60)
    """
    one = started(variant(server(overrides=overrides)))
    with pytest.raises(Timeout, match=r"did not answer /invocations within 0.5 seconds"):
        one.invoke(b"", {}, timeout=0.5)


def test_a_dead_container_is_replaced(
    server: Any, variant: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "PING_PERIOD_SECONDS", 60.0)
    one = started(variant(server(overrides=WHO)))
    first = ask(one)["pid"]
    os.kill(first, signal.SIGKILL)
    eventually(lambda: one.running == 0)
    with pytest.raises(RuntimeFailure, match="no healthy container"):
        one.invoke(b"", {})
    one._fleet.look_now()
    eventually(lambda: one.running == 1)
    assert ask(one)["pid"] != first


def test_a_container_that_dies_in_a_request_fails_that_request(
    server: Any, variant: Any, eventually: Any
) -> None:
    overrides = """
        def invocation(self, body):
            os._exit(1) if body == b"poison" else self.answer(200, str(os.getpid()).encode())
    """
    one = started(variant(server(overrides=overrides)))
    first = answer_of(one)
    with pytest.raises(RuntimeFailure, match="closed the connection before it answered"):
        one.invoke(b"poison", {})
    eventually(lambda: answer_of(one) not in (None, first))


def test_a_container_that_stops_answering_ping_is_replaced(
    server: Any, variant: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "PING_PERIOD_SECONDS", 0.1)
    overrides = """
        sick = False
        def do_GET(self):
            self.answer(500 if Handler.sick else 200, b"")
        def invocation(self, body):
            Handler.sick = Handler.sick or body == b"fall ill"
            self.answer(200, str(os.getpid()).encode())
    """
    one = started(variant(server(overrides=overrides)))
    first = answer_of(one, b"fall ill")
    eventually(lambda: answer_of(one) not in (None, first))


def test_scales_out_in_and_to_zero(server: Any, variant: Any) -> None:
    one = started(variant(server(), kind="async"))
    one.scale(2)
    assert one.running == 2
    one.scale(0)
    assert one.running == 0
    one.scale(1)
    assert one.invoke(b"a", {}).body == b"A"


def test_scaling_in_waits_for_what_an_instance_was_asked(server: Any, variant: Any) -> None:
    """contracts 2.2: a request may take its 60 seconds; the instance that answers it stays."""
    overrides = """
        def invocation(self, body):
            time.sleep(0.5)
            self.answer(200, body)
    """
    one = started(variant(server(overrides=overrides), count=3))
    with ThreadPoolExecutor(9) as pool:
        answers = [pool.submit(one.invoke, b"a", {}) for _ in range(9)]
        time.sleep(0.2)
        one.scale(1)
        assert one.running == 1
        assert {answer.result().body for answer in answers} == {b"a"}


def test_least_outstanding_requests_go_past_a_busy_instance(
    server: Any, variant: Any, eventually: Any, tmp_path: Path
) -> None:
    """contracts 3.3: RoutingConfig."""
    overrides = """
        def invocation(self, body):
            while body and not os.path.exists(body):
                time.sleep(0.02)
            self.answer(200, str(os.getpid()).encode())
    """
    image = server(overrides=overrides)
    one = started(variant(image, count=2, routing="LEAST_OUTSTANDING_REQUESTS"))
    enough = tmp_path / "enough"
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(one.invoke, bytes(enough), {})
        eventually(lambda: any(instance.outstanding for instance in one._fleet._instances))
        quick = {answer_of(one) for _ in range(6)}
        enough.touch()
        assert len(quick) == 1
        assert slow.result().body not in quick
    two = started(variant(image, count=2, routing="RANDOM"))
    assert len({answer_of(two) for _ in range(40)}) == 2


def test_a_download_that_takes_too_long_fails_the_start(
    server: Any, variant: Any, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """contracts 2.2: ModelDataDownloadTimeoutInSeconds."""
    clock = itertools.count(0, 100)
    monkeypatch.setattr("local_aws.runtime.s3.time.monotonic", lambda: next(clock))
    one = variant(server(), download_timeout_seconds=60)
    with pytest.raises(RuntimeFailure, match="of ModelDataDownloadTimeoutInSeconds"):
        one.start(threading.Event())


def test_a_model_larger_than_the_volume_is_refused(server: Any, variant: Any, aws: Any) -> None:
    """contracts 3.3: VolumeSizeInGB."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("weights")
        info.size = 20 * 1024**2
        tar.addfile(info, io.BytesIO(os.urandom(info.size)))
    aws.objects["s3://artifacts/large.tar.gz"] = out.getvalue()
    started(variant(server(), model="s3://artifacts/large.tar.gz", volume_gb=1))
    one = variant(
        server("other"), model="s3://artifacts/large.tar.gz", volume_gb=0.01
    )  # no GB is packed for a test
    with pytest.raises(RuntimeFailure, match="it unpacks to more than 10"):
        one.start(threading.Event())


def test_streams_chunks_as_they_come(server: Any, variant: Any) -> None:
    """Contracts 2.2: chunked transfer on the same path."""
    overrides = """
        def invocation(self, body):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one", b"two"):
                self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(part), part))
                self.wfile.flush()
                time.sleep(0.3)
            self.wfile.write(b"0\\r\\n\\r\\n")
    """
    one = started(variant(server(overrides=overrides)))
    assert list(one.invoke_stream(b"", {})) == [b"one", b"two"]


def test_a_refused_stream_raises_before_the_first_chunk(server: Any, variant: Any) -> None:
    overrides = """
        def invocation(self, body):
            self.answer(422, b"no prompt")
    """
    one = started(variant(server(overrides=overrides)))
    with pytest.raises(StreamRefused) as refusal:
        one.invoke_stream(b"", {})
    assert (refusal.value.status, refusal.value.body) == (422, b"no prompt")


def test_serverless_refuses_more_than_its_concurrency(
    server: Any, variant: Any, eventually: Any, tmp_path: Path
) -> None:
    """Contracts 4: above MaxConcurrency requests are throttled."""
    overrides = """
        def invocation(self, body):
            while not os.path.exists(body):
                time.sleep(0.02)
            self.answer(200, b"done")
    """
    image = server(overrides=overrides)
    one = started(variant(image, kind="serverless", count=0, max_concurrency=2))
    enough = tmp_path / "enough"
    with ThreadPoolExecutor(2) as pool:
        taken = [pool.submit(one.invoke, bytes(enough), {}) for _ in range(2)]
        eventually(lambda: one._in_flight == 2)
        with pytest.raises(Throttled, match=r"serves 2 requests at once \(MaxConcurrency\)"):
            one.invoke(bytes(enough), {})
        enough.touch()
        assert [answer.result().status for answer in taken] == [200, 200]
    assert one.invoke(bytes(enough), {}).status == 200


def test_serverless_sleeps_and_measures_its_cold_start(
    server: Any, variant: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contracts 4: ModelSetupTime."""
    monkeypatch.setattr(fleet, "PING_PERIOD_SECONDS", 0.1)
    one = started(variant(server(), kind="serverless", count=0, max_concurrency=2))
    assert one.invoke(b"a", {}).model_setup_us == 0
    monkeypatch.setattr(fleet, "SHORTEST_SLEEP_SECONDS", 0.2)
    monkeypatch.setattr(fleet, "SLEEP_AFTER_SECONDS", 12.0)
    eventually(lambda: one.running == 0)
    assert one.healthy()
    cold = one.invoke(b"a", {})
    assert cold.body == b"A"
    assert 10_000 < cold.model_setup_us < 60_000_000


def test_a_start_is_no_silence_after_which_a_container_ends(server: Any, variant: Any) -> None:
    one = variant(server(), kind="serverless", count=0, max_concurrency=2)
    one._fleet._last_use -= 3600  # so long ago was it made
    started(one)
    one._fleet._sleep_if_idle()
    assert one.running == 1


def test_serverless_refuses_a_response_over_4_mb(server: Any, variant: Any) -> None:
    """Contracts 4."""
    one = started(variant(server(), kind="serverless", count=0, max_concurrency=2))
    with pytest.raises(RuntimeFailure, match="at most 4194304"):
        one.invoke(b"x" * (hosting.SERVERLESS_RESPONSE_BYTES + 1), {})


def test_nothing_is_left_after_stop(aws: Any, server: Any, variant: Any, tmp_path: Any) -> None:
    one = started(variant(server(overrides=WHO)))
    pid = ask(one)["pid"]
    one.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert list((tmp_path / "state/work").iterdir()) == []
