"""Who serves: never root where another user can read the model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from inference_server.settings import read_settings
from inference_server.user import unreadable


@pytest.fixture
def model() -> Iterator[Path]:
    """Not in `tmp_path`: pytest closes that to others."""
    with TemporaryDirectory(dir="/tmp") as made:
        Path(made).chmod(0o755)
        folder = Path(made) / "model" / "code"
        folder.mkdir(parents=True)
        (folder / "inference.py").write_text("")
        yield Path(made) / "model"


def test_a_model_that_all_may_read_is_readable_and_one_that_is_not_there_is_no_fault(
    model: Path,
) -> None:
    assert unreadable([model, model / "nothing"]) is None


@pytest.mark.parametrize(
    ("closed", "mode"), [("code/inference.py", 0o600), ("code", 0o700), ("code", 0o711)]
)
def test_what_root_alone_may_read_is_named(model: Path, closed: str, mode: int) -> None:
    (model / closed).chmod(mode)
    assert unreadable([model]) == model / closed


def test_a_folder_above_needs_to_be_passed_through_only(model: Path) -> None:
    model.parent.chmod(0o711)
    assert unreadable([model]) is None
    model.parent.chmod(0o700)
    assert unreadable([model]) == model.parent


def test_the_images_user_is_a_setting_like_the_others() -> None:
    assert read_settings({"INFERENCE_USER": "10001"}).user == 10001
    assert read_settings({}).user == 0
    with pytest.raises(ValueError, match="INFERENCE_USER is 'server', allowed: a whole number"):
        read_settings({"INFERENCE_USER": "server"})
