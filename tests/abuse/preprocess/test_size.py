"""Memory stays the same for any size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
LAMBDA = HERE.parents[2] / "lambda"


def _prepared(megabytes: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, HERE / "virtual.py", str(megabytes)],
        env={**os.environ, "PYTHONPATH": str(LAMBDA)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    print(f"{megabytes:,} MB: {found}")  # noqa: T201 (figures)
    assert found["rows"]["in"] == found["expected"]
    return found


def test_a_virtual_object_is_read_in_constant_memory() -> None:
    small, large = _prepared(20), _prepared(60)

    assert large["peak"] <= 1.3 * small["peak"]
    assert large["peak"] < 512


@pytest.mark.abuse
@pytest.mark.timeout(7200)
def test_ten_gigabytes_that_are_nowhere_are_read_in_512_megabytes() -> None:
    size = int(os.environ.get("ABUSE_MEGABYTES", "10000"))
    first, again = _prepared(size), _prepared(size)

    assert first["peak"] < 512
    assert first["checksum"] == again["checksum"]
