"""What the inference image weighs: each instance that starts pulls it."""

from __future__ import annotations

import os

import pytest

from ops import build_images

MEGABYTE = 1_000_000
pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]


def test_the_cpu_inference_images_packages_are_140_megabytes_at_the_most() -> None:
    engine = os.environ.get("LOCAL_AWS_ENGINE_TEST", "")
    base = os.environ.get("LOCAL_AWS_ENGINE_BASE", "")
    if not engine or not base:
        pytest.fail("set LOCAL_AWS_ENGINE_TEST=podman or docker, and LOCAL_AWS_ENGINE_BASE")
    made = build_images.build(engine, "inference_server", base=base)
    assert made.site_packages <= 140 * MEGABYTE
