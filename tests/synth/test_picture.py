"""The README's picture is the one the templates give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_stacks_as_they_are_now(assemblies):
    drawn = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "draw.py"), str(assemblies["local"].folder)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{drawn}```" in readme, "make picture draws it anew"
