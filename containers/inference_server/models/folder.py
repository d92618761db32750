"""What a model folder must not hold, checked before anything in it is opened by a library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from inference_server.errors import ModelLoadError
from inference_server.models.pickles import is_pickle
from inference_server.settings import Settings


def check_folder(settings: Settings) -> None:
    """The model folder holds regular files inside itself, and no pickle but the trusted ones.

    Raises:
        ModelLoadError: with the file and what to do about it.
    """
    folder = settings.model_dir
    if not folder.is_dir():
        raise ModelLoadError(f"there is no model folder {folder}")
    if settings.model_digest is not None and (found := digest(folder)) != settings.model_digest:
        raise ModelLoadError(
            f"the model's digest is {found}, INFERENCE_MODEL_DIGEST says {settings.model_digest}: "
            "these are other files than the ones that were approved"
        )
    for path in _files(folder):
        if not is_pickle(path):
            continue
        named = _sha256(path)
        if named not in settings.trusted_pickles:
            raise ModelLoadError(
                f"{path.relative_to(folder)} is a pickle, which can run any code when it is "
                "loaded; save the model as ONNX instead (PyTorch: safetensors), or name this very "
                "file, if you made it: "
                f"INFERENCE_TRUSTED_PICKLES={named}"
            )


def digest(folder: Path) -> str:
    """The sha256 of the lines `<sha256>  <path>` of all files, sorted by path.

    What `find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum` gives in there.
    """
    lines = sorted((path.relative_to(folder).as_posix(), _sha256(path)) for path in _files(folder))
    text = "".join(f"{found}  {name}\n" for name, found in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    top = folder.resolve()
    for path in sorted(folder.rglob("*")):
        # SageMaker advises against links in archives; one that leads out may lead anywhere.
        if path.is_symlink() and _leads_out(path, top):
            raise ModelLoadError(
                f"{path.relative_to(folder)} is a link to a place outside the model folder; "
                "put the file itself into the archive"
            )
        if path.is_file():
            yield path
        elif not path.is_dir():
            raise ModelLoadError(
                f"{path.relative_to(folder)} is neither a file nor a folder; leave it out of the "
                "archive"
            )


def _leads_out(link: Path, top: Path) -> bool:
    try:
        return not link.resolve().is_relative_to(top)
    except (OSError, RuntimeError):  # a link to itself leads nowhere
        return False
