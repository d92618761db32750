"""Bodies that are larger, deeper or other than they say are refused at once, in little memory.

Controls 3, "Server: size".
"""

from __future__ import annotations

import gzip
import io
import time
from collections.abc import Callable, Iterator

import pyarrow
import pyarrow.parquet
import pytest
from abuse.serving.nonsense import chunked, npy
from support.inference_server import Running, request, running, status

LONG = (pytest.mark.abuse, pytest.mark.timeout(3600))
MB = 1024**2
TRIES = [3, pytest.param(1000, marks=LONG)]
HEAD = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"8000\r\n" + (b"1" * 0x8000 + b"\r\n8000\r\n") * 40
JSON, LINES, NPY, PARQUET = (
    f"application/{kind}" for kind in ("json", "jsonlines", "x-npy", "x-parquet")
)
Lies = dict[str, tuple[Callable[[], bytes], int]]


def trailers(some: bytes) -> bytes:
    return chunked(b"/invocations", "text/csv", b"UA,1,2,1", 8, some)


def parquet(**columns: object) -> bytes:
    """A file of those columns, compressed as well as a common writer can."""
    binary = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), binary, compression="zstd")
    return request(binary.getvalue(), PARQUET)


LIES: Lies = {
    "one byte over the limit": (lambda: request(b"1" * (MB + 1)), 413),
    "a declared length over the limit": (lambda: HEAD + b"Content-Length: 26214401\r\n\r\n1", 413),
    "a length no machine has": (lambda: HEAD + b"Content-Length: 9" + b"9" * 30 + b"\r\n\r\n", 400),
    "a negative length": (lambda: HEAD + b"Content-Length: -5\r\n\r\n", 400),
    "two lengths": (lambda: HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n11", 400),
    "a length and chunks": (
        lambda: HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1",
        400,
    ),
    "chunks without end": (lambda: CHUNKED + CHUNKS, 413),
    "a chunk larger than the limit": (lambda: CHUNKED + b"200000\r\n" + b"1" * 2 * MB, 413),
    "a chunk no machine has": (lambda: CHUNKED + b"f" * 30 + b"\r\n1", 400),
    "100,000 trailers": (lambda: trailers(b"".join(b"X-%d: 1\r\n" % n for n in range(10**5))), 431),
    "one trailer of 600 KB": (lambda: trailers(b"X: " + b"1" * 600_000 + b"\r\n"), 431),
    "a gzip bomb": (
        lambda: request(gzip.compress(bytes(50 * MB), 1), extra="Content-Encoding: gzip\r\n"),
        415,
    ),
    "100,000 brackets": (lambda: request(b"[" * 100_000, JSON), 400),
    "100,000 brackets, closed": (
        lambda: request(b'{"instances":' + b"[" * 10**5 + b"]" * 10**5 + b"}", JSON),
        400,
    ),
    "100,000 brackets on a line": (lambda: request(b"[" * 10**5 + b"]" * 10**5, LINES), 400),
    "a million rows without columns": (lambda: request(b"\n" * 1_000_000), 400),
    "half a million narrow rows": (lambda: request(b"1\n" * 500_000), 400),
    "200,000 rows of JSON": (
        lambda: request(b'{"instances":[' + b"[]," * 200_000 + b"[]]}", JSON),
        400,
    ),
    "300,000 lines of JSON": (lambda: request(b"[]\n" * 300_000, LINES), 400),
    "a key twice": (lambda: request(b'{"instances":[{"month":1}],"instances":[]}', JSON), 400),
    "100,000 keys": (
        lambda: request(
            b'{"instances":[{%b}]}' % b",".join(b'"%d":1' % n for n in range(8**5)), JSON
        ),
        400,
    ),
    "a name of 900 KB": (
        lambda: request(b'{"instances":[{"%b":1}]}' % (b"mo" * 450_000), JSON),
        400,
    ),
    "NaN in JSON": (lambda: request(b'{"instances":[[1,NaN,2,3]]}', JSON), 400),
    "a number of 900 KB": (lambda: request(b"UA,%b,3,true" % (b"9" * 900_000)), 400),
    "an array of terabytes": (lambda: request(npy([9999999999, 4], "<f8", b""), NPY), 400),
    "an array of nothing, at length": (lambda: request(npy([2**62, 0], "<f8", b""), NPY), 400),
    "one long text, many times, in Parquet": (lambda: parquet(carrier=["x" * 10**5] * 5000), 400),
    "40,000,000 missing numbers in Parquet": (
        lambda: parquet(distance=pyarrow.nulls(40_000_000, pyarrow.float64())),
        400,
    ),
}
# For the limit that real time has, of 25 MB.
LARGE_LIES: Lies = {
    "25 MB and one byte": (lambda: request(b"1" * (25 * MB + 1)), 413),
    "25 MB and one byte in chunks": (
        lambda: CHUNKED + (b"100000\r\n" + b"1" * MB + b"\r\n") * 25 + b"1\r\n1\r\n",
        413,
    ),
    "a million narrow rows": (lambda: request(b"UA,1,2\n" * 1_000_000), 400),
}


@pytest.fixture(scope="module")
def large(model, path_with_parquet) -> Iterator[Running]:
    """A server with the limit it has by default."""
    with running(model, PYTHONPATH=path_with_parquet) as one:
        yield one


def told(server: Running, lies: Lies, tries: int) -> str:
    """Tells each of the lies so often; how long the slowest kind took, and what it cost."""
    contents = {name: (make(), code) for name, (make, code) in lies.items()}
    for content, _ in [*contents.values()] * 2:  # what each kind needs is taken by then
        server.exchange(content)
    before, fastest = server.resident(), dict.fromkeys(contents, 9.0)
    for _ in range(tries):
        for name, (content, code) in contents.items():
            began = time.perf_counter()
            answer = server.exchange(content)
            took = time.perf_counter() - began
            assert status(answer) == code, (name, answer[:200])
            assert b'"error"' in answer, name
            # The best of each: what the machine's other work adds is not the server's.
            fastest[name] = min(fastest[name], took)
    growth = (server.resident() - before) / MB
    worst = max(fastest, key=lambda name: fastest[name])
    assert fastest[worst] < (2 if tries < 1000 else 0.2), worst
    assert growth < 50
    assert server.ping() == 200
    return (
        f"{tries} times {len(lies)} lies, slowest {fastest[worst] * 1000:.0f} ms ({worst}), "
        f"memory {growth:+.1f} MB"
    )


@pytest.mark.parametrize("tries", TRIES)
def test_lies_about_sizes_are_refused_at_once_in_little_memory(server: Running, figure, tries):
    figure(f"sizes: {told(server, LIES, tries)}")


@pytest.mark.parametrize("tries", TRIES)
def test_so_are_those_of_a_server_that_takes_25_mb(large: Running, figure, tries):
    figure(f"sizes up to 25 MB: {told(large, LARGE_LIES, tries)}")
