"""What `pip install sagemaker-workflow` brings, also when built from the archive of sources."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FUNCTIONS = ("endpoint_lifecycle", "image_build", "inspect_model")


def test_the_functions_come_whole_with_the_library(tmp_path: Path) -> None:
    sources = built(ROOT, "sdist", tmp_path)
    with tarfile.open(sources) as archive:
        archive.extractall(tmp_path / "sources", filter="data")
    (folder,) = (tmp_path / "sources").iterdir()
    with zipfile.ZipFile(built(folder, "wheel", tmp_path)) as wheel:
        brought = {name for name in wheel.namelist() if "/functions/" in name}

    assert brought == {
        f"sagemaker_workflow/functions/{path.relative_to(ROOT / 'lambda').as_posix()}"
        for name in FUNCTIONS
        for path in files_of(ROOT / "lambda" / name)
    }


def files_of(folder: Path) -> list[Path]:
    """Links to folders followed, which `rglob` does not."""
    found = []
    for path in folder.iterdir():
        if path.is_dir() and path.name != "__pycache__":
            found += files_of(path)
        elif path.is_file():
            found.append(path)
    return found


def built(folder: Path, kind: str, out: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", out / kind]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    (found,) = (out / kind).iterdir()
    return found
