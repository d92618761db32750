"""What the function says of a good archive, and how it reads it."""

from __future__ import annotations

import hashlib
import io
import os
import random
import tarfile
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from botocore.exceptions import IncompleteReadError, ReadTimeoutError
from support.hostile_archives import member, members, packed
from support.object_in_s3 import OneObject

from inspect_model import source
from inspect_model.archive import inspect
from inspect_model.refused import ModelRefused
from tests.unit.inspect_model.conftest import Ask

MODEL = members(member("./model.onnx", b"trees"), member("schema.json", b"{}"))
TIMEOUT = ReadTimeoutError(endpoint_url="s3")


def test_says_which_files_and_which_object_it_was(ask: Ask) -> None:
    """The digest is that of `sha256sum` on each file, sorted, and again."""
    lines = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (("model.onnx", b"trees"), ("schema.json", b"{}"))
    )
    one = OneObject(packed(MODEL), version="v7")
    assert ask(one) == {
        "digest": hashlib.sha256(lines.encode()).hexdigest(),
        "files": 2,
        "bytes": 7,
        "etag": one.etag.strip('"'),
        "version_id": "v7",
    }


@pytest.mark.parametrize("version", [None, "null"])
def test_a_bucket_without_versions_has_none(ask: Ask, version: str | None) -> None:
    """S3 User Guide, "Working with S3 Versioning": suspended, objects have the version "null"."""
    assert "version_id" not in ask(OneObject(packed(MODEL), version=version))


def test_the_digest_is_of_the_files_and_not_of_how_they_were_packed(ask: Ask) -> None:
    other = members(member("schema.json", b"{}", mtime=7), member("model.onnx", b"trees"))
    assert ask(packed(MODEL))["digest"] == ask(packed(other))["digest"]
    changed = members(member("schema.json", b"{}"), member("model.onnx", b"Trees"))
    assert ask(packed(MODEL))["digest"] != ask(packed(changed))["digest"]


@pytest.mark.parametrize("size", [1, 7, 512, 100_000])
def test_ranges_of_any_size_give_the_same(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    archive = packed(MODEL)
    whole = ask(archive)
    monkeypatch.setattr(source, "RANGE_BYTES", size)
    one = OneObject(archive)
    assert ask(one) == whole
    assert one.ranges == -(-len(archive) // size)


@pytest.mark.parametrize("fault", [TIMEOUT, IncompleteReadError(actual_bytes=1, expected_bytes=9)])
def test_an_answer_that_breaks_off_is_asked_for_again(ask: Ask, fault: Exception) -> None:
    one = OneObject(packed(MODEL))
    one.breaks = [fault] * 3
    assert ask(one)["files"] == 2
    one.breaks = [fault] * 4
    with pytest.raises(type(fault)):
        ask(one)


def test_an_object_that_is_replaced_meanwhile_is_not_two_halves(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "RANGE_BYTES", 64)
    one = OneObject(packed(MODEL))

    def replace() -> None:
        one.content = one.content[::-1]

    one.after_range = replace
    with pytest.raises(ModelRefused, match="it was replaced while it was read"):
        ask(one)


def test_says_that_the_time_was_over_before_lambda_ends_it(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "RANGE_BYTES", 64)
    left = iter([50.0, 9.9])
    with pytest.raises(ModelRefused, match=r"the time was over after 128 of its \d+ bytes"):
        ask(packed(MODEL), seconds=lambda: next(left))


class Virtual:
    """A packed archive of one file that nobody holds: it is made as it is read."""

    def __init__(self, megabytes: int) -> None:
        self.size = megabytes * 1024**2
        self._parts, self._rest = self._made(), b""

    def _made(self) -> Iterator[bytes]:
        packer = zlib.compressobj(0, zlib.DEFLATED, 31)  # stored, with gzip's header
        info = tarfile.TarInfo("model.safetensors")
        info.size = self.size
        yield packer.compress(info.tobuf())
        block = random.Random(17).randbytes(1024**2)  # noqa: S311  no secret is made of it
        for _ in range(self.size // len(block)):
            yield packer.compress(block)
        yield packer.compress(bytes(1024)) + packer.flush()

    def read(self, size: int = -1, /) -> bytes:
        while len(self._rest) < size and (part := next(self._parts, None)) is not None:
            self._rest += part
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


class Bytes(io.BytesIO):
    """Packed bytes, as the function is given them."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = len(content)


def test_a_large_archive_takes_no_more_memory_than_a_small_one() -> None:
    """128 MB are read within 16 MB: nothing of the archive is kept."""
    tracemalloc.start()
    try:
        contents = inspect(Virtual(128), trusted=())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert contents.size == 128 * 1024**2
    assert peak < 16 * 1024**2


def test_many_members_take_little_memory_each() -> None:
    """A header of 128 KB for each of 60 files is read, and forgotten."""

    comment = {"comment": os.urandom(64 * 1024).hex()}
    many = [member(f"part-{number}", pax_headers=comment) for number in range(60)]
    archive = Bytes(packed(members(*many)))
    tracemalloc.start()
    try:
        assert len(inspect(archive, trusted=()).files) == 60
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024**2
