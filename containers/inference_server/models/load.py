"""Which model a folder holds, decided by its files."""

from __future__ import annotations

from pathlib import Path

from inference_server.errors import ModelLoadError
from inference_server.models.base import Predictor
from inference_server.models.files import TOKENIZER, TORCH_FILES, XGBOOST_FILES
from inference_server.models.folder import check_folder
from inference_server.settings import Settings

NEEDED = (
    "model.onnx, model.ubj or model.json (XGBoost), model.pt2 or model.safetensors (PyTorch), or "
    "code/inference.py with model_fn"
)


def load(settings: Settings) -> Predictor:
    """The folder's model, proven by a prediction: a script first, then `model.onnx`, then others.

    Raises:
        ModelLoadError: nothing here can be served, or it cannot predict.
    """
    check_folder(settings)
    predictor = _choose(settings)
    predictor.prove()
    return predictor


def shareable(settings: Settings) -> bool:
    """Whether the model can be loaded once and copied by fork.

    A script, PyTorch and XGBoost may start threads or use a GPU, and ONNX Runtime with more than
    one thread or an accelerator does: none of these survives a fork.
    """
    script = settings.script_dir / settings.script
    alone = settings.threads == 1 and set(settings.providers) <= {"cpu"}
    return alone and not script.is_file() and (settings.model_dir / "model.onnx").is_file()


def _choose(settings: Settings) -> Predictor:
    folder = settings.model_dir
    if (settings.script_dir / settings.script).is_file():
        from inference_server.models.script import ScriptModel

        return ScriptModel(settings)
    if (folder / "model.onnx").is_file():
        from inference_server.models.onnx import OnnxEngine
        from inference_server.models.table import TableModel

        return TableModel(folder, settings, OnnxEngine(folder, settings))
    if any((folder / name).is_file() for name in XGBOOST_FILES):
        from inference_server.models.table import TableModel
        from inference_server.models.xgboost import XgboostEngine

        return TableModel(folder, settings, XgboostEngine(folder, settings))
    if any((folder / name).is_file() for name in TORCH_FILES):
        from inference_server.models.table import TableModel
        from inference_server.models.torch import TorchEngine

        engine = TorchEngine(folder, settings)
        if not (folder / TOKENIZER).is_file():
            return TableModel(folder, settings, engine)
        from inference_server.models.text import TextEncoder

        return TableModel(folder, settings, engine, texts=TextEncoder(folder, engine, settings))
    raise ModelLoadError(_nothing(folder, settings))


def _nothing(folder: Path, settings: Settings) -> str:
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    nested = [name for name in found if name.endswith(("/model.onnx", f"code/{settings.script}"))]
    if nested:
        return (
            f"{nested[0]} is one folder too deep: the archive must hold {_last_part(nested[0])} at "
            "its top, so make it with `tar -C <folder> -czf model.tar.gz .`"
        )
    listed = ", ".join(found[:20]) + (", ..." if len(found) > 20 else "")
    return f"nothing to serve in the model folder, found: {listed or 'no files'}; needed: {NEEDED}"


def _last_part(name: str) -> str:
    return "model.onnx" if name.endswith("model.onnx") else "/".join(name.split("/")[-2:])
