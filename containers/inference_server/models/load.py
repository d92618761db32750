"""Which model a folder holds, decided by its files."""

from __future__ import annotations

from inference_server.errors import ModelLoadError
from inference_server.models.base import Predictor
from inference_server.models.folder import check_folder
from inference_server.settings import Settings


def load(settings: Settings) -> Predictor:
    """The folder's model, proven by a prediction: a script first, then `model.onnx`.

    Raises:
        ModelLoadError: nothing here can be served, or it cannot predict.
    """
    check_folder(settings)
    predictor = _choose(settings)
    predictor.prove()
    return predictor


def shareable(settings: Settings) -> bool:
    """Whether the model can be loaded once and copied by fork.

    A script may start threads or a GPU, and ONNX Runtime with more than one thread does: none of
    these survives a fork.
    """
    script = settings.script_dir / settings.script
    return settings.threads == 1 and not script.is_file()


def _choose(settings: Settings) -> Predictor:
    folder = settings.model_dir
    if (settings.script_dir / settings.script).is_file():
        from inference_server.models.script import ScriptModel

        return ScriptModel(settings)
    if (folder / "model.onnx").is_file():
        from inference_server.models.onnx import OnnxModel

        return OnnxModel(folder, settings)
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    listed = ", ".join(found[:20]) + (", ..." if len(found) > 20 else "")
    nested = [name for name in found if name.endswith(("/model.onnx", f"code/{settings.script}"))]
    if nested:
        raise ModelLoadError(
            f"{nested[0]} is one folder too deep: the archive must hold {_last_part(nested[0])} at "
            "its top, so make it with `tar -C <folder> -czf model.tar.gz .`"
        )
    raise ModelLoadError(
        f"nothing to serve in the model folder, found: {listed or 'no files'}; "
        "needed: model.onnx, or code/inference.py with model_fn"
    )


def _last_part(name: str) -> str:
    return "model.onnx" if name.endswith("model.onnx") else "/".join(name.split("/")[-2:])
