"""What reads bodies gives an answer or a reason for any bytes (controls 3, "Server: fuzz").

By chance everywhere; at length also led by coverage, with atheris, where there are wheels of it.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from pathlib import Path

import pytest
from abuse.serving.bodies import GOOD, REFUSED
from support.inference_server import PYTHON
from support.training_job import ROOT

HERE = Path(__file__).parent
LONG = (pytest.mark.abuse, pytest.mark.timeout(3600))
ATHERIS = ROOT / ".venvs" / "atheris"
HAS_WHEELS = platform.system() == "Linux" and platform.machine() == "x86_64"


@pytest.fixture
def seeds(tmp_path: Path, model: Path) -> Path:
    """Bodies in each format, and requests to a server of many models, as decoders.py reads."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    (model / "models").mkdir(exist_ok=True)
    load = {"model_name": "a", "url": str(model / "models")}
    paths = [b"/models/a", b"/models/%ff/invoke", b"/models?next_page_token=a", b"/models/a?b"]
    contents = [
        bytes([kind, number]) + body
        for kind, name in enumerate(GOOD)
        for number, body in enumerate(GOOD[name] + REFUSED[name])
    ]
    contents += [bytes([len(GOOD), number]) + path + b"\n" for number, path in enumerate(paths)]
    contents.append(bytes([len(GOOD), 0]) + b"/models\n" + json.dumps(load).encode())
    for number, content in enumerate(contents):
        (folder / f"{number:03}").write_bytes(content)
    return folder


@pytest.mark.parametrize("number", [5_000, pytest.param(1_000_000, marks=LONG)])
def test_for_bytes_changed_by_chance(model, path_with_parquet, seeds, figure, number):
    command = [PYTHON, HERE / "decode_nonsense.py", model, seeds, str(number)]
    done = subprocess.run(
        command,
        env={"PYTHONPATH": path_with_parquet},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=3500,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    figure(done.stdout.splitlines()[-1])


@pytest.fixture
def atheris() -> Path:
    """The interpreter of an environment of its own, made here only: the wheel is 35 MB."""
    uv, python = ROOT / ".venv" / "bin" / "uv", ATHERIS / "bin" / "python"
    if not python.exists():
        base = ROOT / ".venv" / "bin" / "python"
        subprocess.run([uv, "venv", "-q", "--python", base, ATHERIS], check=True)
    locked = HERE / "requirements-atheris.txt"
    sync = [uv, "pip", "sync", "-q", "--python", python, "--require-hashes", locked]
    subprocess.run(sync, check=True, timeout=600)
    return python


@pytest.mark.abuse
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not HAS_WHEELS, reason="atheris has wheels for Linux on x86-64 only")
@pytest.mark.parametrize("number", [1_000_000])
def test_for_bytes_that_reach_more_of_the_code(model, seeds, tmp_path, figure, atheris, number):
    words = [f"-runs={number}", "-seed=17", "-max_len=8192", "-timeout=1", "-rss_limit_mb=1024"]
    command = [atheris, HERE / "decode_coverage.py", model, *words, seeds]
    with (tmp_path / "log").open("wb") as log:  # the reader of Parquet tells each of its panics
        code = subprocess.run(
            [*command, f"-artifact_prefix={tmp_path}/"],
            env={"PYTHONPATH": str(ROOT / "containers")},
            stdout=log,
            stderr=log,
            check=False,
            timeout=3500,
        ).returncode
    said = (tmp_path / "log").read_text(errors="replace")
    found = {path.name: path.read_bytes() for path in tmp_path.glob("*-*")}
    assert code == 0, f"{said[-4000:]}\n{found}"
    runs, seconds = re.findall(r"Done (\d+) runs in (\d+) second", said)[-1]
    covered = re.findall(r"cov: (\d+)", said)
    assert int(runs) >= number
    assert int(covered[-1]) > int(covered[0]), "nothing new was reached: is the code instrumented?"
    figure(f"readers, by coverage: {runs} bodies in {seconds} s, {covered[-1]} places reached")
