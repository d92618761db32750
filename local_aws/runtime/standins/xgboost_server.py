"""Stands in for AWS's sagemaker-xgboost image: serves an XGBoost model, or a user's handlers.

A program of its own: it runs in an environment that holds xgboost and numpy, not in ours. It
speaks the parts of the contract that a tabular model uses (contracts 2.1, 2.5, 2.6):

- the model is `xgboost-model`, `model.json` or `model.ubj`, in XGBoost's JSON or UBJ; a pickle is
  refused, where AWS's image would load it;
- without a script, text/csv and text/libsvm come in, text/csv or application/json goes out;
- where SAGEMAKER_PROGRAM names a script in `code/`, its model_fn, which is needed then, input_fn,
  predict_fn, output_fn or transform_fn do the work, and what they leave out is done as without a
  script. A script that nobody names is not run, by AWS's image neither.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import numpy as np
import xgboost as xgb

BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
MODEL = BASE / "model"
PORT = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
PROGRAM = os.environ.get("SAGEMAKER_PROGRAM")
DEFAULT_ACCEPT = os.environ.get(
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json" if PROGRAM else "text/csv"
)
MODEL_NAMES = ("xgboost-model", "model.json", "model.ubj")
_PICKLE_START = b"\x80"  # of every pickle of protocol 2 and later; JSON and UBJ start with `{`


class UnsupportedError(Exception):
    """A request the server does not take: its status and the words of the answer."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code


def default_model_fn(model_dir: str) -> Any:
    """Return the booster of the archive; SystemExit says what a model must look like."""
    for name in MODEL_NAMES:
        path = Path(model_dir) / name
        if path.is_file():
            if path.read_bytes()[:1] == _PICKLE_START:
                sys.exit(f"{name} is a pickle: save the model as XGBoost JSON or UBJ")
            booster = xgb.Booster()
            booster.load_model(bytearray(path.read_bytes()))
            booster.feature_names = None  # requests carry no names
            return booster
    sys.exit(f"the archive holds no model: expected one of {', '.join(MODEL_NAMES)} at its root")


def default_input_fn(data: Any, content_type: str) -> Any:
    """Return the rows of a CSV or libsvm body as a matrix."""
    text = data.decode() if isinstance(data, bytes) else data
    kind = content_type.partition(";")[0].strip() or "text/csv"
    try:
        if kind == "text/csv":
            rows = np.genfromtxt(
                io.StringIO(text), delimiter=",", ndmin=2, dtype=np.float32, missing_values=""
            )
            return xgb.DMatrix(rows)
        if kind in {"text/libsvm", "text/x-libsvm"}:
            return xgb.DMatrix(_libsvm(text))
    except ValueError as error:
        raise UnsupportedError(400, f"the body is no {kind}: {error}") from error
    raise UnsupportedError(415, f"content type {kind} is not one of text/csv, text/libsvm")


def _libsvm(text: str) -> Any:
    rows: list[dict[int, float]] = []
    for line in text.splitlines():
        pairs = [word.split(":") for word in line.split() if ":" in word]
        rows.append({int(index): float(value) for index, value in pairs})
    width = 1 + max((index for row in rows for index in row), default=0)
    matrix = np.full((len(rows), width), np.nan, dtype=np.float32)
    for number, row in enumerate(rows):
        for index, value in row.items():
            matrix[number, index] = value
    return matrix


def default_predict_fn(data: Any, model: Any) -> Any:
    """Return the booster's predictions for the matrix."""
    try:
        return model.predict(data, validate_features=False)
    except (ValueError, xgb.core.XGBoostError) as error:
        raise UnsupportedError(400, f"the model does not take these rows: {error}") from error


def default_output_fn(prediction: Any, accept: str) -> Any:
    """Return predictions as CSV, one row a line, or as AWS's JSON."""
    rows = np.asarray(prediction).tolist()
    kind = accept.partition(";")[0].strip()
    if kind == "application/json":
        return json.dumps({"predictions": [{"score": row} for row in rows]}), "application/json"
    if kind in {"text/csv", "*/*", ""}:
        lines = [",".join(map(str, row)) if isinstance(row, list) else str(row) for row in rows]
        return "\n".join(lines), "text/csv"
    raise UnsupportedError(406, f"accept {kind} is not one of text/csv, application/json")


class Handlers:
    """The user's functions where there are some, AWS's defaults for the rest."""

    def __init__(self, script: ModuleType | None) -> None:
        def chosen(name: str, default: Callable[..., Any] | None) -> Any:
            return getattr(script, name, default)

        if script and not hasattr(script, "model_fn"):
            sys.exit(
                f"{PROGRAM} defines no model_fn; with a script AWS's image has none of its own"
            )
        self.model = chosen("model_fn", default_model_fn)(str(MODEL))
        self._transform = chosen("transform_fn", None)
        self._input = chosen("input_fn", default_input_fn)
        self._predict = chosen("predict_fn", default_predict_fn)
        self._output = chosen("output_fn", default_output_fn)
        if self._transform and any(
            hasattr(script, name) for name in ("input_fn", "predict_fn", "output_fn")
        ):
            sys.exit(f"{PROGRAM} defines transform_fn and one of the functions it replaces")

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Return the response's body and content type."""
        text = content_type.startswith(("text/csv", "application/json"))
        data: Any = body.decode() if text else body  # contracts 2.5: these two arrive as str
        if self._transform:
            result = self._transform(self.model, data, content_type, accept)
        else:
            prediction = self._predict(self._input(data, content_type), self.model)
            result = self._output(prediction, accept)
        content, kind = result if isinstance(result, tuple) else (result, accept)
        return content.encode() if isinstance(content, str) else bytes(content), kind


def load_script() -> ModuleType | None:
    """Return the user's module, or None when no script is named."""
    if PROGRAM is None:
        return None
    folder = MODEL / "code"
    path = folder / PROGRAM
    if not path.is_file():
        sys.exit(f"SAGEMAKER_PROGRAM is {PROGRAM}, but the archive holds no code/{PROGRAM}")
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("user_inference", path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Server(ThreadingHTTPServer):
    """Loopback only, with the handlers at hand."""

    def __init__(self, handlers: Handlers) -> None:
        super().__init__(("127.0.0.1", PORT), Request)
        self.handlers = handlers


class Request(BaseHTTPRequestHandler):
    """One request of the platform."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer /ping and, for batch transform, /execution-parameters."""
        if self.path == "/ping":
            self._send(200, b"", "text/plain")
        elif self.path == "/execution-parameters":
            limits = {
                "MaxConcurrentTransforms": os.cpu_count() or 1,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": 6,
            }
            self._send(200, json.dumps(limits).encode(), "application/json")
        else:
            self._send(404, b"", "text/plain")

    def do_POST(self) -> None:
        """Answer /invocations."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        accept = self.headers.get("Accept", "*/*")
        if accept == "*/*":
            accept = DEFAULT_ACCEPT
        content_type = self.headers.get("Content-Type", "text/csv")
        try:
            content, kind = self.server.handlers.answer(body, content_type, accept)
        except Exception as error:  # noqa: BLE001  a user's handler may raise anything
            # The toolkit's own errors carry the status they want.
            status = getattr(error, "status_code", None)
            if isinstance(status, int) and 400 <= status < 500:
                self._send(status, str(error).encode(), "text/plain")
                return
            traceback.print_exc()
            self._send(500, f"{type(error).__name__}: {error}".encode(), "text/plain")
        else:
            self._send(200, content, kind)

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Say nothing of each request; errors are printed where they happen."""


def main() -> None:
    """Serve until SIGTERM."""
    if sys.argv[1:] != ["serve"]:
        sys.exit(f"the stand-in for sagemaker-xgboost serves only; got {sys.argv[1:]}")
    server = Server(Handlers(load_script()))

    def leave(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, leave)
    server.serve_forever()


if __name__ == "__main__":
    main()
