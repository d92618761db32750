"""Memory stays the same for any size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from preprocess.limits import largest_object

HERE = Path(__file__).parent
LAMBDA = HERE.parents[2] / "lambda"


def _prepared(megabytes: int, seconds: int) -> dict[str, Any]:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, HERE / "virtual.py", str(megabytes)],
        env={**os.environ, "PYTHONPATH": str(LAMBDA)},
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["rows"]["in"] == found["expected"]
    return found | {"seconds": time.monotonic() - began}


def test_a_virtual_object_is_read_in_constant_memory() -> None:
    small, large = _prepared(50, 120), _prepared(120, 120)

    assert large["peak"] <= 1.3 * small["peak"]
    assert large["peak"] < 512


@pytest.mark.abuse
@pytest.mark.timeout(7200)
def test_ten_gigabytes_that_are_nowhere_are_read_in_512_megabytes(
    figure: Callable[[str], None],
) -> None:
    size = int(os.environ.get("ABUSE_MEGABYTES", "10000"))
    first, again = _prepared(size, 3500), _prepared(size, 3500)

    most = largest_object(timeout_seconds=900, memory_mb=2048) / 1e6
    figure(
        f"size: {size:,} MB, {first['rows']['in']:,} rows, peak {first['peak']:.0f} MB, "
        f"{first['seconds']:.0f} s ({size / first['seconds']:.0f} MB/s); the function takes up to "
        f"{most:,.0f} MB, Spark what is larger"
    )
    assert first["peak"] < 512
    assert first["checksum"] == again["checksum"]
