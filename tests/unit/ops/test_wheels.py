"""Every locked package can be installed where the images run, or it is said which cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import sbom, wheels

# PyTorch's own index has it for x86-64 only under this lock; PyPI's build is for both.
NOT_BUILT = {("torch_trainer-cpu", "aarch64"): ["torch==2.13.0+cpu"]}
WHEEL = "thing-1.0-cp311-cp311-manylinux_2_{glibc}_{machine}.whl"


@pytest.mark.parametrize("machine", wheels.MACHINES)
@pytest.mark.parametrize("name", sbom.locks())
def test_every_locked_package_has_a_wheel_for_both_architectures(name: str, machine: str) -> None:
    """After a change of a lock file: `make lock`, which asks the index which wheels there are."""
    found = wheels.missing(sbom.locks()[name], wheels.read(), machine)
    assert found == NOT_BUILT.get((name, machine), [])


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(
        "thing==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "only-windows==2 ; sys_platform == 'win32' \\\n    --hash=sha256:cc\n"
    )
    return path


@pytest.mark.parametrize(
    ("wheel", "digest", "installed"),
    [
        (WHEEL.format(glibc=28, machine="aarch64"), "aa", True),
        ("thing-1.0-py3-none-any.whl", "bb", True),
        (WHEEL.format(glibc=28, machine="x86_64"), "aa", False),  # another machine
        (WHEEL.format(glibc=39, machine="aarch64"), "aa", False),  # newer than Debian 12
        ("thing-1.0-cp312-cp312-manylinux_2_28_aarch64.whl", "aa", False),  # another Python
        (WHEEL.format(glibc=28, machine="aarch64"), "dd", False),  # not what is locked
    ],
)
def test_a_wheel_counts_where_an_image_can_install_it(
    lock: Path, wheel: str, digest: str, installed: bool
) -> None:
    found = wheels.missing(lock, {"thing==1.0": {wheel: digest}}, "aarch64")
    assert found == ([] if installed else ["thing==1.0"])
