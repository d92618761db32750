"""What the inference image weighs: each instance that starts pulls it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ops.build_images import Built

MEGABYTE = 1_000_000
pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]


def test_the_cpu_inference_images_packages_are_140_megabytes_at_the_most(
    image: Callable[..., Built],
) -> None:
    assert image("inference_server").site_packages <= 140 * MEGABYTE
