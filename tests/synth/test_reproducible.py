"""The same input gives the same bytes, wherever the project lies and whatever the clock says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.synth.conftest import Assembly, run_app


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_another_folder_and_another_clock_give_the_same_assembly(
    assemblies: dict[str, Assembly], checkout: Callable[[str], Path], tmp_path: Path
) -> None:
    root = checkout("elsewhere")
    for path in root.rglob("*"):
        os.utime(path, (978_307_200, 978_307_200))  # 2001
    out = tmp_path / "out"
    run = run_app(root, out, "local", cwd=tmp_path, TZ="Pacific/Auckland", PYTHONHASHSEED="7")
    assert run.returncode == 0, run.stderr[-4000:]
    here, there = contents(assemblies["local"].folder), contents(out)
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


def test_nothing_in_the_assembly_says_where_it_was_made(assemblies: dict[str, Assembly]) -> None:
    for assembly in assemblies.values():
        home = str(assembly.folder.parent.parent).encode()
        told = [name for name, data in contents(assembly.folder).items() if home in data]
        assert told == []
