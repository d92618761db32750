"""Bytes for the server's port: requests that are right, wrong in one thing, or none at all."""

from __future__ import annotations

import json
from pathlib import Path

from abuse.serving.bodies import GOOD, REFUSED
from hypothesis import strategies as st
from support.inference_server import request

HOST = b"Host: a\r\n"
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
COLUMNS = st.sampled_from(["carrier", "distance", "month", "night", "nonsense", ""])
ROWS = st.dictionaries(COLUMNS, VALUES, max_size=5) | st.lists(VALUES, max_size=6)
LENGTHS = st.sampled_from([0, 1, 4, -1, 2**31, 2**63, 2**70])


def npy(shape: list[int], kind: str, content: bytes) -> bytes:
    """What NumPy's format says of an array, and other bytes than that may be."""
    written = f"({', '.join(map(str, shape))},)"
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {written}, }}"
    return b"\x93NUMPY\x01\x00v\x00" + header.encode().ljust(117) + b"\n" + content


def mutated(body: bytes, at: int, how: int, piece: bytes) -> bytes:
    """A body that is not quite itself: bytes put in, put over others, taken out, or doubled."""
    at %= len(body) + 1
    return [
        body[:at] + piece + body[at:],
        body[:at] + piece + body[at + len(piece) :],
        body[:at] + body[at + len(piece) :],
        body[:at] + body[max(0, at - 5) :],
    ][how]


def changed(bodies: list[bytes]) -> st.SearchStrategy[bytes]:
    """Good bodies with one thing wrong."""
    pieces = st.binary(min_size=1, max_size=3)
    places = st.integers(0, 5000) | st.integers(0, 300).map(lambda back: -1 - back)
    return st.builds(mutated, st.sampled_from(bodies), places, st.integers(0, 3), pieces)


PARQUET = changed(GOOD["application/x-parquet"] + REFUSED["application/x-parquet"])
BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.lists(CELLS, max_size=6).map(",".join), max_size=4).map(
        lambda lines: "\n".join(lines).encode()
    ),
    st.lists(ROWS, max_size=3).map(lambda rows: json.dumps({"instances": rows}).encode()),
    st.lists(ROWS, max_size=3).map(lambda rows: "\n".join(map(json.dumps, rows)).encode()),
    st.builds(
        npy,
        st.lists(LENGTHS, max_size=3),
        st.sampled_from(["<f4", "|b1", ">i8", "|O", "<f0", "<U1"]),
        st.sampled_from([b"", bytes(16), bytes(32)]),
    ),
    st.sampled_from([body for kind in GOOD for body in GOOD[kind] + REFUSED[kind]]),
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
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: -1\r\n",
        " folded: 1\r\n",
        "no colon\r\n",
    ]
)
TRAILERS = st.one_of(
    st.sampled_from(
        [
            b"",
            b"Content-Type: application/x-npy\r\n",
            b"Content-Length: 5\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Host: b\r\nAccept: image/png\r\nExpect: 100-continue\r\n",
            b"no colon\r\n",
            b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
        ]
    ),
    st.integers(1, 20_000).map(lambda many: b"X: 1\r\n" * many),
    st.integers(1, 20_000).map(lambda many: b"".join(b"X-%d: 1\r\n" % n for n in range(many))),
    st.integers(1, 100_000).map(lambda large: b"X: " + b"1" * large + b"\r\n"),
)


def chunked(path: bytes, kind: str, body: bytes, size: int, trailers: bytes) -> bytes:
    """A request whose body comes in pieces, with headers after it (RFC 9112, 7.1)."""
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    chunks = b"".join(b"%x;n=v\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"POST %b HTTP/1.1\r\n%bContent-Type: %b\r\n" % (path, HOST, kind.encode("latin-1"))
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailers + b"\r\n"


WHOLE = st.one_of(
    st.builds(request, BODIES, KINDS, HEADERS),
    st.builds(request, PARQUET, st.just("application/x-parquet"), HEADERS),
)
CHUNKED = st.builds(chunked, st.just(b"/invocations"), KINDS, BODIES, st.integers(1, 300), TRAILERS)
CUT = st.builds(
    lambda whole, at: whole[: at % (len(whole) + 1)], WHOLE | CHUNKED, st.integers(0, 500)
)
LINES = st.builds(
    lambda method, path: f"{method} {path} HTTP/1.1\r\n\r\n".encode("latin-1", "replace"),
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "CONNECT", "TRACE", "get", "PRI"]),
    st.sampled_from(["/", "/ping", "/ping?x", "/invocations", "//", "*", "/%00", "/models", "/é"]),
)
PING = b"GET /ping HTTP/1.1\r\n" + HOST + b"\r\n"
SEVERAL = st.builds(
    lambda first, pings, last: first + PING * pings + last, WHOLE, st.integers(0, 3000), WHOLE
)
REQUESTS = st.one_of(st.binary(max_size=300), WHOLE, CHUNKED, CUT, LINES, SEVERAL)

NAMES = ["good", "a" * 300, "", ".", "..", "a/b", "\x00", "ü", "\udcff", "%", "?", "a\nb"]
PATHS = st.sampled_from(
    ["good", "nobody", "a" * 300, "..", "%2e%2e%2fgood", "%00", "%ff", "%ed%a0%80", "%", "a%2Fb"]
)


def for_many(models: Path) -> st.SearchStrategy[bytes]:
    """Requests to a server of the models in that folder (contracts 2.4), right or wrong."""
    top = str(models)
    folders = [
        f"{top}/good/model", f"{top}/broken/model", f"{top}/inside/model", f"{top}/odd/model",
        top, f"{top}/loop", f"{top}/good/../../..", f"{top}/nobody", f"{top}/\x00",
        f"{top}/{'a' * 300}", f"{top}{'/a' * 5000}", f"{top}/\udcff", "good", "", "/etc", "/", ".",
    ]  # fmt: skip
    loads = st.one_of(
        st.fixed_dictionaries(
            {},
            optional={
                "model_name": st.sampled_from(NAMES) | VALUES,
                "url": st.sampled_from(folders) | VALUES,
                "more": VALUES,
            },
        ).map(json.dumps),
        st.builds(
            '{{"model_name": {}, "url": {}}}'.format,
            st.sampled_from([json.dumps(name) for name in NAMES] + ['"\\ud800"', '"a", "url": 1']),
            st.sampled_from([json.dumps(folder) for folder in folders]),
        ),
        st.sampled_from(["", "[]", "null", '"a"', '{"model_name": ["a"], "url": {}}']),
    )

    def sent(method: str, path: str, body: bytes, extra: str = "") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n{extra}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    suffixes = st.sampled_from(["", "/invoke", "/", "/invoke/", "/invoke?x=1", "?x", "/nothing"])
    queries = st.sampled_from(["", "?", "?next_page_token=%00", "?next_page_token=a&b;c=%zz", "?="])
    return st.one_of(
        st.builds(lambda body: sent("POST", "/models", body.encode()), loads),
        st.builds(lambda query: sent("GET", f"/models{query}", b""), queries),
        st.builds(
            lambda method, name, suffix, body: sent(method, f"/models/{name}{suffix}", body),
            st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"]),
            PATHS,
            suffixes,
            BODIES,
        ),
        st.builds(
            chunked,
            PATHS.map(lambda name: f"/models/{name}/invoke".encode()),
            KINDS,
            BODIES | PARQUET,
            st.integers(1, 300),
            TRAILERS,
        ),
    )
