"""A user's `code/inference.py` with the handler functions of SageMaker's own toolkit."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from inference_server.decoding import CSV, JSON
from inference_server.errors import ModelLoadError, RequestError
from inference_server.logs import log
from inference_server.models import toolkit_defaults as defaults
from inference_server.models.base import Answer, Request
from inference_server.models.context import Context
from inference_server.models.requirements import check_requirements
from inference_server.models.sample import HOW, read_samples
from inference_server.settings import Settings

_UTF8_TYPES = (JSON, CSV)
_HANDLERS = {
    "model_fn": ("model_dir",),
    "input_fn": ("data", "content_type"),
    "predict_fn": ("data", "model"),
    "output_fn": ("prediction", "accept"),
    "transform_fn": ("model", "data", "content_type", "accept"),
}


class ScriptModel:
    """`model_fn`, then `transform_fn`, or `input_fn`, `predict_fn` and `output_fn`.

    Each may take one argument more, the context. `pre_model_fn(model_dir)` runs first and
    `model_warmup_fn(model_dir, model)` last, before the server calls itself healthy.
    """

    inline_bytes = -1  # how long a user's code takes is not known: never on the event loop

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context = Context(settings.model_dir)
        module = _import(settings)
        self._functions = {
            name: _with_context(found, len(arguments), self._context)
            for name, arguments in _HANDLERS.items()
            if (found := getattr(module, name, None)) is not None
        }
        self._transforms = "transform_fn" in self._functions
        mixed = [n for n in ("input_fn", "predict_fn", "output_fn") if n in self._functions]
        if self._transforms and mixed:
            raise ModelLoadError(
                f"{settings.script} defines transform_fn and {', '.join(mixed)}; allowed: "
                "transform_fn alone, or input_fn, predict_fn and output_fn"
            )
        needed = "transform_fn" if self._transforms else "predict_fn"
        if "model_fn" not in self._functions or needed not in self._functions:
            raise ModelLoadError(
                f"{settings.script} must define model_fn and predict_fn (or transform_fn), found: "
                f"{', '.join(sorted(self._functions)) or 'none of the handler functions'}"
            )
        self._warmup = getattr(module, "model_warmup_fn", None)
        try:
            if before := getattr(module, "pre_model_fn", None):
                before(str(settings.model_dir))
            self._model = self._functions["model_fn"](str(settings.model_dir))
        except (Exception, SystemExit) as error:
            raise ModelLoadError(
                f"model_fn of {settings.script} failed: {type(error).__name__}: {error}"
            ) from error

    def answer(self, request: Request) -> Answer:
        headers = request.headers
        content_type = headers.get("content-type") or JSON
        default = self._settings.default_accept or JSON
        accept = headers.get("accept") or default
        if accept == "*/*":
            accept = default
        self._context.begin(headers)
        data: Any = request.body
        if content_type.partition(";")[0].strip() in _UTF8_TYPES:
            try:
                data = request.body.decode("utf-8")
            except UnicodeDecodeError:
                raise RequestError("the body is not UTF-8") from None
        try:
            result = self._call(data, content_type, accept)
        except Exception as error:
            # The toolkit's own errors carry the status they want.
            status = getattr(error, "status_code", None)
            if isinstance(status, int) and 400 <= status < 500:
                raise RequestError(getattr(error, "message", None) or str(error), status) from None
            raise
        body, answered = result if isinstance(result, tuple) else (result, accept)
        pieces = _pieces(body) if isinstance(body, Iterator) else None
        return Answer(
            b"" if pieces is not None else defaults.to_bytes(body),
            self._context.content_type or str(answered),
            self._context.status,
            dict(self._context.response_headers),
            chunks=pieces,
        )

    def prove(self) -> None:
        """Warm the model up, and predict the samples that came with it, if any did."""
        script = self._settings.script
        samples = read_samples(self._settings)
        if self._warmup is not None:
            try:
                self._warmup(str(self._settings.model_dir), self._model)
            except (Exception, SystemExit) as error:
                raise ModelLoadError(
                    f"model_warmup_fn of {script} failed: {type(error).__name__}: {error}"
                ) from error
        for sample in samples:
            try:
                self._try(sample.request)
            except (Exception, SystemExit) as error:
                raise ModelLoadError(
                    f"{script} cannot answer {sample.name}: {type(error).__name__}: {error}"
                ) from error
        if self._warmup is None and not samples and self._settings.worker == 1:
            # What a script takes as input is its own affair: there is nothing to ask it.
            log(logging.WARNING, f"nothing proves that {script} can predict; {HOW}")

    def _try(self, request: Request) -> None:
        answer = self.answer(request)
        for _ in answer.chunks or ():
            pass  # a generator may fail at its last piece
        if answer.status >= 400:
            raise ValueError(f"the answer has the status {answer.status}")

    def _call(self, data: Any, content_type: str, accept: str) -> Any:
        functions = self._functions
        if self._transforms:
            return functions["transform_fn"](self._model, data, content_type, accept)
        read: Callable[..., Any] = functions.get("input_fn", defaults.input_fn)
        write: Callable[..., Any] = functions.get("output_fn", defaults.output_fn)
        prediction = functions["predict_fn"](read(data, content_type), self._model)
        return write(prediction, accept)


def _pieces(body: Iterator[Any]) -> Iterator[bytes]:
    """The pieces of a generator; the first is made now, while a failure can still be a 500."""
    first = defaults.to_bytes(next(body, b""))

    def pieces() -> Iterator[bytes]:
        try:
            yield first
            for piece in body:
                yield defaults.to_bytes(piece)
        finally:
            if close := getattr(body, "close", None):
                close()

    return pieces()


def _import(settings: Settings) -> ModuleType:
    path = settings.script_dir / settings.script
    sys.dont_write_bytecode = True  # the model folder is read-only
    folders = [str(settings.script_dir), str(settings.script_dir / "lib")]
    before = set(sys.modules)
    check_requirements(settings.script_dir, [*folders, *sys.path])
    sys.path[:0] = folders
    name = re.sub(r"\W", "_", str(path)) if settings.multi_model else path.stem
    try:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError("it is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ModelLoadError(
            f"{settings.script} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    finally:
        if settings.multi_model:
            _forget(before, folders)
    return module


def _forget(before: set[str], folders: list[str]) -> None:
    """The next model's `helper` is its own: what this one imported stays with its functions."""
    for folder in folders:
        sys.path.remove(folder)
    for name in set(sys.modules) - before:
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if origin.startswith(folders[0]):
            del sys.modules[name]


def _with_context(
    function: Callable[..., Any], arguments: int, context: Context
) -> Callable[..., Any]:
    if not callable(function):
        raise ModelLoadError(f"{function!r} is not a function")
    parameters = inspect.signature(function).parameters
    if "context" in parameters or len(parameters) > arguments:
        return lambda *values: function(*values, context)
    return function
