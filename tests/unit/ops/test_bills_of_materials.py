"""The bills of materials say what the lock files say, and nothing of when they were written."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from ops import sbom

_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bills")
    sbom.write(out, validate=False)  # which takes seconds: `make test-images` does
    return out


def test_every_lock_file_of_an_image_has_a_bill(bills: Path) -> None:
    locks = {
        path
        for path in (sbom.ROOT / "containers").glob("*/requirements*.txt")
        if (path.parent / "Dockerfile").is_file()
    }
    assert set(sbom.locks().values()) == locks
    assert {path.name for path in bills.iterdir()} == {f"{name}.cdx.json" for name in sbom.locks()}
    assert {"trainer", "inference_server", "inference_server-torch"} <= set(sbom.locks())


@pytest.mark.parametrize("name", sbom.locks())
def test_a_bill_lists_exactly_the_locked_names_and_versions(bills: Path, name: str) -> None:
    bill = json.loads((bills / f"{name}.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = sorted((one["name"], one["version"]) for one in bill["components"])
    assert listed == sorted(_LOCKED.findall(sbom.locks()[name].read_text()))
    assert listed


def test_the_same_lock_file_gives_the_same_bytes_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a checkout of its own, for nothing of where it lies may be in it."""
    seen = set()
    for number in ("1", "1000000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", number)
        folder = tmp_path / number / "containers" / "one"
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM scratch\n")
        (folder / "requirements.txt").write_bytes(sbom.locks()["vllm"].read_bytes())
        root = tmp_path / number
        (path,) = sbom.write(root / "out", root=root, validate=False)
        seen.add(path.read_bytes())
    assert len(seen) == 1
    assert not {"serialNumber", "timestamp"} & set(re.findall(r'"(\w+)":', seen.pop().decode()))


def test_a_lock_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "containers" / "one"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "requirements.txt").mkdir()
    with pytest.raises(subprocess.CalledProcessError):
        sbom.write(tmp_path / "out", root=tmp_path)
