"""Model archives: what is refused before any byte is outside, or too many inside.

Contracts.md 2.1 says what a model archive may be.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_aws.runtime import archives, model_data
from local_aws.runtime.archives import Caps, extract, pack
from local_aws.runtime.containers import ContainerSpec, RuntimeFailure

URL = "s3://artifacts/model.tar.gz"


def member(name: str, content: bytes = b"x", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return out.getvalue()


def unpack(content: bytes, tmp_path: Path, **options: Any) -> Path:
    archive = tmp_path / "packed"
    archive.write_bytes(content)
    extract(archive, tmp_path / "model", url=URL, **options)
    return tmp_path / "model"


def test_files_and_folders_come_out(tmp_path: Path) -> None:
    content = packed(
        member("./", type=tarfile.DIRTYPE, size=0),
        member("./model.json", b"{}"),
        member("code/inference.py", b"pass"),
    )
    folder = unpack(content, tmp_path)
    assert (folder / "model.json").read_bytes() == b"{}"
    assert (folder / "code/inference.py").read_bytes() == b"pass"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("../outside"), "points outside the model folder"),
        (member("code/../../outside"), "points outside the model folder"),
        (member("/absolute"), "points outside the model folder"),
        (member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0), "a link or a dev"),
        (member("hard", type=tarfile.LNKTYPE, linkname="good", size=0), "a link or a device"),
        (member("pipe", type=tarfile.FIFOTYPE, size=0), "a link or a device"),
        (member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, size=0), "a link or a dev"),
        (member("root", mode=0o4755), "is a set-id file"),
        (member("good"), "is there twice"),
        (member("good/inner"), "is inside a file"),
        (member("good", type=tarfile.DIRTYPE, size=0), "is both a file and a folder"),
    ],
)
def test_refuses_members_that_no_model_needs(
    tmp_path: Path, bad: tuple[tarfile.TarInfo, bytes], reason: str
) -> None:
    with pytest.raises(RuntimeFailure, match=f"model archive {URL} is refused.*{reason}"):
        unpack(packed(member("good"), bad), tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["packed"]


def bomb() -> bytes:
    return packed(member("zeros", bytes(200 * 1024**2)))


def endless() -> bytes:
    return gzip.compress(packed(member("a"))[:0] + bytes(64 * 1024**2))


@pytest.mark.parametrize("make", [bomb, endless])
def test_refuses_a_bomb(tmp_path: Path, make: Callable[[], bytes]) -> None:
    """200 MB in 194 KB: Python's own `data` filter lets it through."""
    content = make()
    assert len(content) < 300_000
    with pytest.raises(RuntimeFailure, match=r"(unpacks to more than|cannot be read)"):
        unpack(content, tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["packed"]


def test_refuses_too_many_files(tmp_path: Path) -> None:
    content = packed(*(member(str(number)) for number in range(11)))
    with pytest.raises(RuntimeFailure, match="holds more than 10 files"):
        unpack(content, tmp_path, caps=Caps(members=10))


def test_refuses_too_many_bytes(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="unpacks to more than 1 MB"):
        unpack(packed(member("a", bytes(2 * 1024**2))), tmp_path, caps=Caps(total_bytes=1024**2))


@pytest.mark.parametrize("cut", [1, 5, 200])
def test_refuses_a_truncated_archive(tmp_path: Path, cut: int) -> None:
    content = packed(member("weights", os.urandom(50_000)))
    with pytest.raises(RuntimeFailure, match=f"model archive {URL} cannot be read"):
        unpack(content[:-cut], tmp_path)


def test_refuses_a_changed_archive(tmp_path: Path) -> None:
    content = bytearray(packed(member("weights", b"1" * 50_000)))
    content[-6] ^= 1  # in gzip's checksum, which a streamed tar never looks at
    with pytest.raises(RuntimeFailure, match="cannot be read"):
        unpack(bytes(content), tmp_path)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04zip"])
def test_refuses_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RuntimeFailure, match="must be a complete gzip-compressed tar"):
        unpack(content, tmp_path)


def test_equal_content_packs_to_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "sub").mkdir(parents=True)
        (folder / "sub/b").write_text("b")
        (folder / "a").write_text("a")
        (folder / "link").symlink_to("/etc/passwd")
        pack(folder, tmp_path / f"{name}.tar.gz")
    first = (tmp_path / "one.tar.gz").read_bytes()
    assert first == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert tar.getnames() == ["a", "sub/b"]


def spec(**source: Any) -> ContainerSpec:
    return ContainerSpec(
        image="",
        model_data_url=source.pop("url", None),
        model_data_source={"S3DataSource": source} if source else None,
        environment={},
        role_arn="arn:aws:iam::222233334444:role/execution",
    )


def test_a_prefix_becomes_the_model_folder(aws: Any, tmp_path: Path) -> None:
    """Contracts 2.1: key minus prefix is the path."""
    aws.objects |= {"s3://m/v1/weights": b"w", "s3://m/v1/code/inference.py": b"p"}
    folder = tmp_path / "model"
    model_data.download(
        spec(S3Uri="s3://m/v1/", S3DataType="S3Prefix", CompressionType="None"), folder
    )
    names = [name for name, _ in archives.files(folder)]
    assert names == ["code/inference.py", "weights"]


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ({"s3://m/v1/a": b"f", "s3://m/v1/a/b": b"g"}, "is both a file and a folder"),
        ({"s3://m/v1/a/": b"", "s3://m/v1/a/b": b"g"}, "empty folder object 'v1/a/'"),
        ({"s3://m/v1/../../x": b"f"}, "would be written outside its folder"),
        ({}, "holds no object"),
    ],
)
def test_refuses_a_prefix_that_is_no_folder(
    aws: Any, tmp_path: Path, objects: dict[str, bytes], reason: str
) -> None:
    aws.objects |= objects
    with pytest.raises(RuntimeFailure, match=reason):
        model_data.download(spec(S3Uri="s3://m/v1/", S3DataType="S3Prefix"), tmp_path / "model")


def test_refuses_model_data_that_is_no_tar_gz(aws: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match=r"must be one \.tar\.gz archive"):
        model_data.download(spec(url="s3://assets/0a1b.gz"), tmp_path / "model")
