"""Nonsense gets a 4xx with a reason, at once; the server neither fails, hangs nor restarts."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.inference_server import PYTHON, Running, answers, request
from support.training_job import ROOT

DECODE = Path(__file__).parent / "decode_nonsense.py"
LONG = (pytest.mark.abuse, pytest.mark.timeout(3600))
KINDS = st.sampled_from(
    [
        "text/csv",
        "application/json",
        "application/jsonlines",
        "application/x-npy",
        "text/plain",
        "application/x-parquet",
        "text/csv; charset=utf-16",
        "",
        "*/*",
        "\x80",
    ]
)
CELLS = st.sampled_from(["", "UA", "1", "-0", "1e400", "nan", "inf", "0x1", "１", "1_0", '"', "é"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = st.sampled_from(["carrier", "distance", "month", "night", "nonsense", ""])
ROWS = st.dictionaries(NAMES, VALUES, max_size=5) | st.lists(VALUES, max_size=6)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.lists(CELLS, max_size=6).map(",".join), max_size=4).map(
        lambda lines: "\n".join(lines).encode()
    ),
    st.lists(ROWS, max_size=3).map(lambda rows: json.dumps({"instances": rows}).encode()),
    st.lists(ROWS, max_size=3).map(lambda rows: "\n".join(map(json.dumps, rows)).encode()),
    st.binary(max_size=80).map(lambda tail: b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'" + tail),
    st.binary(max_size=80).map(lambda inner: b"PAR1" + inner + b"PAR1"),
)
HEADERS = st.sampled_from(
    [
        "",
        "Accept: nonsense\r\n",
        "Accept: \xff\r\n",
        "Expect: 100-continue\r\n",
        "X: \x00\r\n",
        "Content-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: upgrade\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: -1\r\n",
        " folded: 1\r\n",
        "no colon\r\n",
    ]
)
WHOLE = st.builds(request, BODIES, KINDS, HEADERS)
CUT = st.builds(lambda whole, at: whole[: at % (len(whole) + 1)], WHOLE, st.integers(0, 500))
LINES = st.builds(
    lambda method, path: f"{method} {path} HTTP/1.1\r\n\r\n".encode("latin-1", "replace"),
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "CONNECT", "TRACE", "get", "PRI"]),
    st.sampled_from(["/", "/ping", "/ping?x", "/invocations", "//", "*", "/%00", "/models", "/é"]),
)
REQUESTS = st.one_of(st.binary(max_size=300), WHOLE, CUT, LINES)


@pytest.mark.parametrize("number", [250, pytest.param(50_000, marks=LONG)])
def test_nonsense_gets_a_4xx_with_a_reason_at_once(server: Running, figure, number):
    before = server.workers()
    seen: dict[int, int] = {}
    slowest = 0.0

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(REQUESTS)
    def run(content: bytes) -> None:
        nonlocal slowest
        began = time.perf_counter()
        answer = server.exchange(content)
        took = time.perf_counter() - began
        slowest = max(slowest, took)
        assert took < 1, f"{took:.1f} s"
        if content.startswith(b"HEAD"):
            return
        found = list(answers(answer))
        for code, body in found or [(0, b"")]:  # no answer: the request was never complete
            seen[code] = seen.get(code, 0) + 1
            # 501: CONNECT, for this is no proxy.
            assert code < 500 or code == 501, answer[:300]
            assert code != 405 or b"\r\nallow: " in answer
            assert code < 400 or json.loads(body)["error"]

    run()
    # The waiting room may have left meanwhile; a worker that died would be another one now.
    assert server.workers()
    assert set(server.workers()) <= set(before)
    assert server.ping() == 200
    counts = ", ".join(f"{code}: {seen[code]}" for code in sorted(seen))
    figure(f"fuzz: {sum(seen.values())} requests, slowest {slowest * 1000:.0f} ms ({counts})")


@pytest.mark.parametrize("number", [5_000, pytest.param(1_000_000, marks=LONG)])
def test_readers_of_bodies_give_an_answer_or_a_reason_for_any_bytes(model, figure, number):
    command = [PYTHON, DECODE, model, str(number)]
    environment = {"PYTHONPATH": str(ROOT / "containers")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=3500
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    figure(done.stdout.strip())
