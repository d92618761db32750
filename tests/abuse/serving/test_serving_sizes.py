"""Bodies that are larger, deeper or other than they say are refused at once, in little memory."""

from __future__ import annotations

import gzip
import time

import pytest
from support.inference_server import Running, request, status

LONG = (pytest.mark.abuse, pytest.mark.timeout(3600))
MB = 1024**2
HEAD = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"
LIES = {
    "one byte over the limit": (lambda: request(b"1" * (MB + 1)), 413),
    "a declared length over the limit": (lambda: HEAD + b"Content-Length: 26214401\r\n\r\n1", 413),
    "a length no machine has": (
        lambda: HEAD + b"Content-Length: 9" * 1 + b"9" * 30 + b"\r\n\r\n",
        400,
    ),
    "a negative length": (lambda: HEAD + b"Content-Length: -5\r\n\r\n", 400),
    "two lengths": (lambda: HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n11", 400),
    "chunks without end": (lambda: HEAD + _CHUNKED + b"8000\r\n" * 1 + _CHUNKS, 413),
    "a chunk larger than the limit": (lambda: HEAD + _CHUNKED + b"200000\r\n" + b"1" * 2 * MB, 413),
    "a gzip bomb": (
        lambda: request(gzip.compress(bytes(50 * MB), 1), extra="Content-Encoding: gzip\r\n"),
        415,
    ),
    "100,000 brackets": (lambda: request(b"[" * 100_000, "application/json"), 400),
    "100,000 brackets, closed": (
        lambda: request(b'{"instances":' + b"[" * 10**5 + b"]" * 10**5 + b"}", "application/json"),
        400,
    ),
    "rows without columns": (lambda: request(b"\n" * 1_000_000), 400),
    "half a million narrow rows": (lambda: request(b"1\n" * 500_000), 400),
    "a key twice": (
        lambda: request(b'{"instances":[{"month":1}],"instances":[]}', "application/json"),
        400,
    ),
    "NaN in JSON": (lambda: request(b'{"instances":[[1,NaN,2,3]]}', "application/json"), 400),
    "an array of terabytes": (
        lambda: request(
            b"\x93NUMPY\x01\x00v\x00"
            + b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 4), }".ljust(117)
            + b"\n",
            "application/x-npy",
        ),
        400,
    ),
}
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
_CHUNKS = (b"1" * 0x8000 + b"\r\n8000\r\n") * 40


@pytest.mark.parametrize("tries", [30, pytest.param(1000, marks=LONG)])
def test_lies_about_sizes_are_refused_at_once_in_little_memory(server: Running, figure, tries):
    contents = {name: (make(), code) for name, (make, code) in LIES.items()}
    for content, _ in contents.values():
        server.exchange(content)
    before, slowest = server.resident(), {}
    names = list(LIES)
    for number in range(tries):
        name = names[number % len(names)]
        content, code = contents[name]
        began = time.perf_counter()
        answer = server.exchange(content)
        took = time.perf_counter() - began
        assert status(answer) == code, (name, answer[:200])
        assert b'"error"' in answer
        slowest[name] = min(slowest.get(name, 9.0), took)
    growth = (server.resident() - before) / MB
    # The best of each: what the machine's other work adds is not the server's.
    worst = max(slowest, key=lambda name: slowest[name])
    assert slowest[worst] < 0.2, worst
    assert growth < 50
    assert server.ping() == 200
    figure(
        f"sizes: {tries} lies, slowest {slowest[worst] * 1000:.0f} ms ({worst}), "
        f"memory {growth:+.1f} MB"
    )
