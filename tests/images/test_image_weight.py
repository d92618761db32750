"""What the images weigh: each instance that starts pulls one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest

from ops.build_images import Built

MEGABYTE = 1_000_000
# On top of the base: libraries, their bytecode and ours. There is room for newer versions of them.
BUDGET = {"inference_server": 115, "trainer": 300, "vllm": 32}
pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("name", BUDGET)
def test_an_image_adds_no_more_to_its_base_than_its_budget(
    name: str, engine: str, image: Callable[..., Built]
) -> None:
    base = os.environ["LOCAL_AWS_ENGINE_BASE"]
    ask = [engine, "image", "inspect", "--format", "{{.Size}}", base]
    weight = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=60).stdout
    assert image(name).size - int(weight) <= BUDGET[name] * MEGABYTE
