"""Nonsense gets a 4xx with a reason, at once; the server neither fails, hangs nor restarts.

Controls 3, "Server: fuzz"; what the server is described to take is in test_serving_openapi.py, and
bodies by the million are in test_serving_decoders.py.
"""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest
from abuse.serving import nonsense
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.damaged_parquet import DAMAGED_PARQUET
from support.inference_server import Running, answers, request

LONG = (pytest.mark.abuse, pytest.mark.timeout(3600))
GOOD = request(b"UA,1,2,1")
# The contract's word for: unload another model first.
NO_ROOM = 507


def sent(server: Running, requests: st.SearchStrategy[bytes], number: int, *allowed: int) -> str:
    """Sends that many of them; how many were answered with what. 0 is no answer."""
    before, seen, slowest, short = server.workers(), Counter[int](), 0.0, number < 1000

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=short,  # which finds the same each time
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests)
    def run(content: bytes) -> None:
        nonlocal slowest
        began = time.perf_counter()
        answer = server.exchange(content)
        took = time.perf_counter() - began
        slowest = max(slowest, took)
        assert short or took < 1, f"{took:.1f} s"
        if content.startswith(b"HEAD"):
            return
        for code, body in list(answers(answer)) or [(0, b"")]:
            seen[code] += 1
            assert 0 < code < 500 or code in allowed, answer[:300]
            assert code != 405 or b"\r\nallow: " in answer
            assert code < 400 or json.loads(body)["error"]

    run()
    # The waiting room may have left meanwhile; a worker that died would be another one now.
    assert server.workers()
    assert set(server.workers()) <= set(before)
    assert server.ping() == 200
    counts = ", ".join(f"{code}: {seen[code]}" for code in sorted(seen))
    return f"{sum(seen.values())} requests, slowest {slowest * 1000:.0f} ms ({counts})"


@pytest.mark.parametrize("number", [250, pytest.param(50_000, marks=LONG)])
def test_nonsense_gets_a_4xx_with_a_reason_at_once(server: Running, figure, number):
    # 0: it was never complete; 501: CONNECT, for this is no proxy.
    figure(f"fuzz: {sent(server, nonsense.REQUESTS, number, 0, 501)}")


@pytest.mark.parametrize("number", [250, pytest.param(50_000, marks=LONG)])
def test_nonsense_for_many_models_gets_one_too(many: Running, figure, number):
    requests = nonsense.for_many(many.base / "models")
    figure(f"fuzz, many models: {sent(many, requests, number, NO_ROOM)}")


@pytest.mark.parametrize("pings", [1, 10, 3000])
def test_whatever_is_asked_in_one_write_is_answered(server: Running, pings):
    before = server.workers()
    found = list(answers(server.exchange(GOOD + nonsense.PING * pings)))
    assert [code for code, _ in found] == [200] * (1 + pings)
    assert set(server.workers()) <= set(before)


@pytest.mark.parametrize(
    "trailer", [b"Content-Type: image/png", b"Accept: image/png", b"Content-Length: 3", b"X: 1"]
)
def test_what_comes_after_a_body_says_nothing_of_it(server: Running, trailer):
    content = nonsense.chunked(b"/invocations", "text/csv", b"UA,1,2,1", 3, trailer + b"\r\n")
    found = list(answers(server.exchange(content + nonsense.PING)))
    # It may be ignored or refused (RFC 9110, 6.5.1), but never believed.
    assert [code for code, _ in found] in ([200, 200], [400]), found


@pytest.mark.parametrize("trailers", [b"X: 1\r\n" * 100_000, b"X: " + b"1" * 600_000 + b"\r\n"])
def test_trailers_are_as_limited_as_headers(server: Running, trailers):
    content = nonsense.chunked(b"/invocations", "text/csv", b"UA,1,2,1", 3, trailers)
    ((code, body),) = answers(server.exchange(content))
    assert 400 <= code < 500
    assert json.loads(body)["error"]


def test_an_offer_to_speak_http_2_is_declined(server: Running):
    # As if it had not been made (RFC 9110, 7.8): clients of HTTP/2 make it with any request.
    extra = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    found = list(answers(server.exchange(request(b"UA,1,2,1", extra=extra) + nonsense.PING)))
    assert [code for code, _ in found] == [200, 200]


def test_a_damaged_file_is_refused_and_ends_nothing(server: Running):
    before = server.workers()
    ((code, body),) = answers(server.exchange(request(DAMAGED_PARQUET, "application/x-parquet")))
    assert code == 400
    assert json.loads(body)["error"]
    assert set(server.workers()) <= set(before)
