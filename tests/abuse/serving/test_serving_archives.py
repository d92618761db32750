"""Hostile archives leave nothing behind; hostile model folders are refused before any code runs."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.inference_server import PYTHON, free_port, request, running, status
from support.training_job import environment

from local_aws.runtime.archives import extract
from local_aws.runtime.containers import RuntimeFailure

Write = Callable[[tarfile.TarFile], None]


def member(name: str, content: bytes = b"x", **attributes: object) -> Write:
    def write(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        for key, value in attributes.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(content))

    return write


def zeros(tar: tarfile.TarFile) -> None:
    """200 MB that pack to 194 KB."""
    member("model.onnx", bytes(200 * 1024**2))(tar)


def twice(tar: tarfile.TarFile) -> None:
    """One path, two files."""
    member("a")(tar)
    member("a", b"y")(tar)


ARCHIVES: dict[str, Write] = {
    "a way out": member("../evil"),
    "a way out, deeper": member("code/../../evil"),
    "an absolute path": member("/tmp/evil"),  # noqa: S108  it must not be written
    "a symbolic link": member("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": member("link", b"", type=tarfile.LNKTYPE, linkname="../../etc/passwd"),
    "a device": member("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a pipe": member("pipe", b"", type=tarfile.FIFOTYPE),
    "a set-user-id file": member("tool", mode=0o4755),
    "a bomb": zeros,
    "a file twice": twice,
}


def packed(write: Write) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        write(tar)
    return gzip.compress(raw.getvalue(), 9)


BROKEN = {
    "truncated": lambda: packed(member("model.onnx", os.urandom(100_000)))[:-1000],
    "no archive": lambda: b"PK\x03\x04 is a zip",
    "empty": lambda: b"",
}


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize("name", [*ARCHIVES, *BROKEN])
def test_a_hostile_archive_leaves_nothing_anywhere(tmp_path, name):
    content = BROKEN[name]() if name in BROKEN else packed(ARCHIVES[name])
    (tmp_path / "in").mkdir()
    archive = tmp_path / "in" / "model.tar.gz"
    archive.write_bytes(content)
    before = everything(tmp_path)
    with pytest.raises(RuntimeFailure, match=r"model archive s3://b/k (is refused|cannot be read)"):
        extract(archive, tmp_path / "model", url="s3://b/k")
    assert everything(tmp_path) == before
    assert not Path("/tmp/evil").exists()  # noqa: S108


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.canary}",)


def evil_npy(canary: Path) -> bytes:
    """An array of objects in NumPy's format: a header and a pickle."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00v\x00" + header + pickle.dumps(Evil(canary))


def test_an_array_of_objects_in_a_request_is_refused_and_its_code_does_not_run(
    server, tmp_path, figure
):
    canary = tmp_path / "canary"
    answer = server.exchange(request(evil_npy(canary), "application/x-npy"))
    assert status(answer) == 400
    assert b"the array is of object; allowed: numbers" in answer
    assert not canary.exists()
    figure(f"model load: {len(ARCHIVES) + len(BROKEN)} hostile archives, all refused")


def test_a_script_gets_no_array_of_objects_either(tmp_path):
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(
        "def model_fn(d): return 1\ndef predict_fn(data, model): return data\n"
    )
    canary = tmp_path / "canary"
    with running(tmp_path) as server:
        answer = server.exchange(request(evil_npy(canary), "application/x-npy"))
    assert status(answer) == 400
    assert not canary.exists()


@pytest.mark.parametrize("name", ["model.pkl", "weights.bin", "model.joblib"])
def test_a_pickle_in_the_model_folder_is_refused_and_its_code_does_not_run(tmp_path, name):
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text(
        "import pickle\n"
        f"def model_fn(d): return pickle.load(open(d + '/{name}', 'rb'))\n"
        "def predict_fn(data, model): return data\n"
    )
    canary = tmp_path / "canary"
    (tmp_path / "model" / name).write_bytes(pickle.dumps(Evil(canary)))
    done = subprocess.run(
        [PYTHON, "-m", "inference_server", "serve"],
        env=environment(tmp_path, SAGEMAKER_BIND_TO_PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 1
    assert f"{name} is a pickle, which can run any code" in done.stderr
    assert not canary.exists()
