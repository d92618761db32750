"""AWS's binary event stream, the writing half: botocore only brings the reading one."""

import binascii
import struct
from collections.abc import Mapping

_STRING = 7  # the header value type of a string


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: prelude with lengths and its checksum, headers, payload, checksum."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    total = 12 + len(encoded) + len(payload) + 4
    prelude = struct.pack("!II", total, len(encoded))
    head = prelude + struct.pack("!I", binascii.crc32(prelude))
    body = head + encoded + payload
    return body + struct.pack("!I", binascii.crc32(body))


def event(kind: str, payload: bytes, content_type: str = "application/octet-stream") -> bytes:
    return message(
        {":event-type": kind, ":content-type": content_type, ":message-type": "event"}, payload
    )


def exception(kind: str, payload: bytes) -> bytes:
    return message(
        {
            ":exception-type": kind,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        payload,
    )


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", _STRING, len(text)) + text
