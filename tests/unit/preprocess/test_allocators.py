"""Memory is kept from piece to piece: glibc's mallopt(3) and jemalloc's MALLOC_CONF."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LAMBDA = Path(__file__).resolve().parents[3] / "lambda"
FAULTS = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
if sys.argv[1:]:
    import preprocess.run
def pieces(_):
    for _ in range(20):
        held = [b"x" * (8 << 20) for _ in range(4)]
        del held
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
with ThreadPoolExecutor(2) as pool:
    list(pool.map(pieces, range(2)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
JEMALLOC = """
import preprocess.run, polars, os
polars.Series([1.0]) + 1
print(os.environ["_RJEM_MALLOC_CONF"])
"""


def _printed(code: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command,
        env={"PYTHONPATH": str(LAMBDA), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert not done.stderr  # where jemalloc says which setting it does not know
    return done.stdout.strip()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is of glibc")
def test_the_pages_of_a_piece_serve_the_next() -> None:
    """1.3 GB pass by in 64 MB: each page is cleared by the system some few times, not forty."""
    kept, given_back = int(_printed(FAULTS, "keep")), int(_printed(FAULTS))

    assert kept < given_back / 4


def test_jemalloc_takes_its_settings_and_those_of_the_environment_first() -> None:
    assert "narenas:2" in _printed(JEMALLOC)
    assert _printed(JEMALLOC, _RJEM_MALLOC_CONF="narenas:3").endswith(",narenas:3")
