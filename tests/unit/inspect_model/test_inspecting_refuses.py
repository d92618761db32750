"""Which archives are never registered, and the sentence that says why."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import tarfile
import zipfile
import zlib

import pytest
from botocore.exceptions import ClientError
from support.aws_fakes import refused
from support.hostile_archives import ARCHIVES, BROKEN, SMALL, Write, member, members, packed
from support.object_in_s3 import OneObject

from inspect_model.archive import inspect
from inspect_model.refused import ModelRefused
from inspect_model.unpacked import Caps
from tests.unit.inspect_model.conftest import URI, Ask

PICKLE = pickle.dumps({"weights": [1, 2]}, protocol=4)


def saved_by_torch(entry: str = "archive/data.pkl") -> bytes:
    """What torch.save writes: a ZIP file around a pickle."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, PICKLE)
        archive.writestr("archive/data/0", b"\0" * 70_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("archive", "sentence"),
    [
        ("a way out", "member '../evil' points outside the model folder"),
        ("a way out, deeper", "member 'code/../../evil' points outside the model folder"),
        ("an absolute path", "member '/tmp/evil' points outside the model folder"),
        ("a symbolic link", "member 'link' is a link or a device"),
        ("a hard link", "member 'link' is a link or a device"),
        ("a device", "member 'null' is a link or a device"),
        ("a pipe", "member 'pipe' is a link or a device"),
        ("a set-user-id file", "member 'tool' is a set-id file"),
        ("a bomb", "it unpacks to more than 38 MB (at most 200 times its own size"),
        ("a file twice", "member 'a' is there twice"),
        ("a file in a file", "member 'a/b' is inside a file"),
        ("a file that is a folder", "member 'a' is both a file and a folder"),
        ("a file of one hole", "member 'model.onnx' is a sparse file"),
        ("truncated", "it cannot be read: Compressed file ended before"),
        ("no archive", "it cannot be read: Not a gzipped file"),
        ("empty", "it is empty"),
    ],
)
def test_a_hostile_archive_is_refused_with_its_place_and_why(
    ask: Ask, archive: str, sentence: str
) -> None:
    content = BROKEN[archive]() if archive in BROKEN else packed(ARCHIVES[archive])
    with pytest.raises(ModelRefused) as said:
        ask(content)
    assert str(said.value).startswith(f"the model's archive {URI} is refused: {sentence}")


def test_every_hostile_archive_that_there_is_was_refused_above() -> None:
    table = next(iter(test_a_hostile_archive_is_refused_with_its_place_and_why.pytestmark))  # type: ignore[attr-defined]
    assert {name for name, _ in table.args[1]} == {*ARCHIVES, *BROKEN}


@pytest.mark.parametrize("name", SMALL)
def test_what_is_refused_is_refused_behind_a_good_file_too(ask: Ask, name: str) -> None:
    with pytest.raises(ModelRefused):
        ask(packed(members(member("model.json", b"{}"), ARCHIVES[name])))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.pkl", b"anything"),
        ("MODEL.Joblib", b"anything"),
        ("code/lib/thing.dill", b""),
        ("weights.bin", PICKLE),
        ("model.pt", saved_by_torch()),
        ("model.pt", saved_by_torch("archive/data.pkl\0.txt")),
        ("renamed.bin", saved_by_torch("data.json")),
        ("joblib.bin", zlib.compress(pickle.dumps(print))),
        ("oldest.bin", pickle.dumps(print, protocol=0)),
    ],
)
def test_a_pickle_is_refused_until_this_very_file_is_named(
    ask: Ask, name: str, content: bytes
) -> None:
    archive = packed(members(member("model.onnx"), member(name, content)))
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(ModelRefused, match=f"{name} is a pickle, which can run any code") as said:
        ask(archive)
    assert f'trusted_pickles = ["{digest}"]' in str(said.value)
    assert ask(archive, trusted=[digest])["files"] == 2
    with pytest.raises(ModelRefused, match="is a pickle"):
        ask(archive, trusted=["0" * 64])


@pytest.mark.parametrize("content", [b"\x80\x04 no end", b"{}.", b"N."])
def test_what_is_no_pickle_is_none(ask: Ask, content: bytes) -> None:
    assert ask(packed(member("model.bin", content)))["files"] == 1


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (members(), "no file at all"),
        (member("model", b"", type=tarfile.DIRTYPE), "no file at all"),
        (member("code/inference.py", b"pass"), "code/inference.py"),
    ],
)
def test_an_archive_without_a_model_is_refused(ask: Ask, write: Write, found: str) -> None:
    with pytest.raises(ModelRefused, match=f"there is no model in it, only {found}"):
        ask(packed(write))


@pytest.mark.parametrize(
    "name", ["two\nlines", "a\x7f", "a\udcff", "x" * 1025, "é" * 513, "b/" * 512 + "c"]
)
def test_a_name_that_says_two_things_is_refused(ask: Ask, name: str) -> None:
    """A line of the digest is one line, and is written in UTF-8."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        member(name)(tar)
    with pytest.raises(ModelRefused, match="has a name of control characters"):
        ask(gzip.compress(out.getvalue()))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_as_large_as_it_claims_is_not_read(kind: bytes) -> None:
    """The library reads a long name into memory; here it would be 512 MB."""
    info = tarfile.TarInfo("model.onnx")
    info.type, info.size = kind, 512 * 1024**2
    packer = io.BytesIO()
    with gzip.GzipFile(fileobj=packer, mode="wb") as out:
        out.write(member_header(info) + os.urandom(4 * 1024**2))
    with pytest.raises(ModelRefused, match="the header of a file is larger than 256 KB"):
        inspect(Bytes(packer.getvalue()), trusted=())


def member_header(info: tarfile.TarInfo) -> bytes:
    """The header's 512 bytes."""
    return info.tobuf(tarfile.USTAR_FORMAT)


class Bytes(io.BytesIO):
    """Packed bytes, as the function is given them."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = len(content)


def test_a_header_that_would_rename_all_files_is_refused() -> None:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "evil"}
    ) as tar:
        member("model.onnx")(tar)
    with pytest.raises(ModelRefused, match="it has a header for all files, 'path'"):
        inspect(Bytes(gzip.compress(out.getvalue())), trusted=())


def test_what_is_no_header_is_no_end_of_the_archive() -> None:
    """Another reader may go on behind it, and find more than was inspected."""
    good = io.BytesIO()
    with tarfile.open(fileobj=good, mode="w") as tar:
        member("model.onnx")(tar)
    broken = good.getvalue()[:1024] + b"\xff" * 512 + good.getvalue()
    with pytest.raises(ModelRefused, match="it cannot be read: bad checksum"):
        inspect(Bytes(gzip.compress(broken)), trusted=())


def test_the_checksum_behind_the_last_file_is_compared() -> None:
    """Also where the archive is padded with more than its reader has read at its end."""
    padded = gzip.decompress(packed(member("model.onnx"))) + bytes(1024**2)
    archive = bytearray(gzip.compress(padded))
    archive[-8] ^= 1
    with pytest.raises(ModelRefused, match="it cannot be read: CRC check failed"):
        inspect(Bytes(bytes(archive)), trusted=())


@pytest.mark.parametrize(
    ("caps", "sentence"),
    [
        (Caps(members=2), "it holds more than 2 files and folders"),
        (Caps(total_bytes=5 * 1024), "it unpacks to more than 0 MB"),
    ],
)
def test_one_more_than_the_caps_is_refused(caps: Caps, sentence: str) -> None:
    archive = packed(members(member("model.onnx"), member("code/inference.py")))
    with pytest.raises(ModelRefused, match=sentence):
        inspect(Bytes(archive), trusted=(), caps=caps)
    assert len(inspect(Bytes(archive), trusted=(), caps=Caps(members=3)).files) == 2


@pytest.mark.parametrize("uri", ["model.tar.gz", "s3://bucket", "https://bucket/key"])
def test_refuses_what_is_no_place_in_s3(ask: Ask, uri: str) -> None:
    with pytest.raises(ModelRefused, match="is no place in S3"):
        ask(b"", uri=uri)


def test_what_s3_refuses_is_told_in_s3s_words(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    one = OneObject(b"")

    def denied(**_: object) -> None:
        raise refused("AccessDenied", "not authorized to perform: s3:GetObject", "GetObject")

    monkeypatch.setattr(one, "get_object", denied)
    with pytest.raises(ClientError, match="not authorized to perform: s3:GetObject"):
        ask(one)
