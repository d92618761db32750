"""What `python -m ops.package` puts into a function's zip."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ops import package as packaging

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one function that needs nothing."""
    folder = tmp_path / "lambda" / "greet"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "handler.pyc").write_bytes(b"x")
    (folder / "__init__.py").touch()
    (folder / "handler.py").write_text("def handler(event, context): return 'hello'\n")
    return tmp_path


def _made(root: Path) -> packaging.Package:
    return packaging.package("greet", wheels="host", root=root)


def test_a_package_holds_the_folder_at_its_root_and_no_caches(root: Path) -> None:
    made = _made(root)

    assert made.path == root / "build/lambda/greet.zip"
    with zipfile.ZipFile(made.path) as archive:
        assert archive.namelist() == ["greet/__init__.py", "greet/handler.py"]


def test_two_runs_may_make_the_same_package_at_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, made = packaging._add, []

    def meanwhile(archive: zipfile.ZipFile, files: Any) -> None:
        monkeypatch.setattr(packaging, "_add", add)
        made.append(_made(root))
        add(archive, files)

    monkeypatch.setattr(packaging, "_add", meanwhile)
    made.append(_made(root))
    assert [one.built for one in made] == [True, True]
    with zipfile.ZipFile(root / "build/lambda/greet.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["greet/__init__.py", "greet/handler.py"]
    assert not _made(root).built


def test_the_same_inputs_give_the_same_bytes_whenever_they_were_written(root: Path) -> None:
    first = _made(root).path.read_bytes()
    handler = root / "lambda/greet/handler.py"
    text = handler.read_text()
    handler.unlink()
    handler.write_text(text)
    handler.chmod(0o755)
    (root / "build/lambda/greet.json").unlink()

    assert _made(root).path.read_bytes() == first


def test_nothing_is_made_again_until_something_changes(root: Path) -> None:
    assert _made(root).built
    assert not _made(root).built

    (root / "lambda/greet/handler.py").write_text("def handler(event, context): return 'bye'\n")

    assert _made(root).built


def test_a_package_that_was_removed_is_made_again(root: Path) -> None:
    _made(root).path.unlink()

    assert _made(root).built


def test_a_package_larger_than_lambda_takes_is_refused_and_not_left_behind(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "LIMIT", 1_000)
    (root / "lambda/greet/model.bin").write_bytes(b"\0" * 1_001)

    with pytest.raises(ValueError, match=r"greet\.zip has .* Lambda takes at most"):
        _made(root)

    assert not (root / "build/lambda/greet.zip").exists()


def test_an_unknown_function_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        packaging.main(["postprocess"])

    assert "no such function: postprocess; there are: " in capsys.readouterr().err


def test_the_preprocessing_function_runs_from_its_package_beside_the_runtimes_own_modules(
    tmp_path: Path,
) -> None:
    made = packaging.package("preprocess", wheels=packaging.default_platform())
    with zipfile.ZipFile(made.path) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
    assert not [name for name in names if name.split("/")[0] in packaging.PROVIDED]
    assert made.unzipped <= 200_000_000
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from preprocess.handler import handler; import polars;"
        "files = (polars.__file__, handler.__globals__['__file__']);"
        "print(all(file.startswith(sys.argv[1]) for file in files))"
    )
    # The local AWS's interpreter is what runs the function here; -I keeps this folder off its path.
    python = ROOT / ".venvs/local_aws/bin/python"
    ran = subprocess.run(
        [python, "-I", "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert (ran.stdout.strip(), ran.returncode) == ("True", 0), ran.stderr
