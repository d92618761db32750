"""A request that comes with a script, to prove that it can predict before it is called healthy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference_server.decoding import CSV, JSON, JSON_LINES, NPY, PARQUET
from inference_server.errors import ModelLoadError
from inference_server.models.base import Request
from inference_server.settings import Settings

TYPES = {
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".csv": CSV,
    ".npy": NPY,
    ".parquet": PARQUET,
    ".txt": "text/plain",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
HOW = (
    "put a request that it answers into the archive as code/sample.json (or "
    f"{', '.join(sorted(TYPES.keys() - {'.json'}))}), or name one by INFERENCE_SAMPLE"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A request as a file; its extension gives the content type."""

    name: str
    request: Request


def read_samples(settings: Settings) -> list[Sample]:
    """What INFERENCE_SAMPLE names, a path in the model folder, else each `code/sample.*`.

    Raises:
        ModelLoadError: there is no such file, or its extension is of no known type.
    """
    if settings.sample is None:
        # Other extensions may be anything: sample.py is a module of the script's.
        found = sorted(settings.script_dir.glob("sample.*"))
        return [_read(path, path.name) for path in found if path.suffix.lower() in TYPES]
    path = settings.model_dir / settings.sample
    if path.suffix.lower() not in TYPES:
        raise ModelLoadError(
            f"INFERENCE_SAMPLE is {settings.sample!r}; its extension gives the content type, "
            f"allowed: {', '.join(TYPES)}"
        )
    return [_read(path, settings.sample)]


def _read(path: Path, name: str) -> Sample:
    try:
        body = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ModelLoadError(f"the sample {name} cannot be read from {path}: {why}") from None
    kind = TYPES[path.suffix.lower()]
    return Sample(name=name, request=Request(body, {"content-type": kind}))
