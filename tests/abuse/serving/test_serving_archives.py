"""Hostile archives leave nothing behind; hostile model folders are refused before any code runs."""

from __future__ import annotations

import gzip
import os
import pickle
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from support.hostile_archives import ARCHIVES, BROKEN, mutated, packed, seeds
from support.inference_server import HANGS_SECONDS, PYTHON, request, running, status
from support.ports import free_port
from support.training_job import environment

from local_aws.runtime.archives import extract
from local_aws.runtime.containers import RuntimeFailure

LONG = (pytest.mark.abuse, pytest.mark.timeout(3600))


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


@pytest.mark.parametrize("number", [150, pytest.param(20_000, marks=LONG)])
def test_an_archive_with_mutated_headers_is_refused_whole_or_stays_inside(tmp_path, figure, number):
    dice = random.Random(17)  # noqa: S311  chance, not secrets
    archive, target, refused = tmp_path / "model.tar.gz", tmp_path / "out" / "model", 0
    tars = seeds()
    target.parent.mkdir()
    for _ in range(number):
        archive.write_bytes(gzip.compress(mutated(dice.choice(tars), dice), 1))
        try:
            extract(archive, target, url="s3://b/k")
        except RuntimeFailure:
            refused += 1
            assert not everything(target.parent)
            continue
        for path in everything(target):
            assert path.is_dir() or path.is_file()
            assert not path.is_symlink()
            assert not path.stat().st_mode & 0o6000
        shutil.rmtree(target)
        assert everything(tmp_path) == [archive, target.parent]
    assert 0 < refused < number
    hostile = len(ARCHIVES) + len(BROKEN)
    figure(
        f"archives: {hostile} hostile ones, all refused; {number:,} with mutated headers, "
        f"{refused:,} refused, 0 left anything outside"
    )


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


def test_an_array_of_objects_in_a_request_is_refused_and_its_code_does_not_run(server, tmp_path):
    canary = tmp_path / "canary"
    answer = server.exchange(request(evil_npy(canary), "application/x-npy"))
    assert status(answer) == 400
    assert b"the array is of object; allowed: numbers" in answer
    assert not canary.exists()


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
        timeout=HANGS_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert f"{name} is a pickle, which can run any code" in done.stderr
    assert not canary.exists()
