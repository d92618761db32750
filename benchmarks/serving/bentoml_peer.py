"""BentoML with ONNX Runtime: one service, one worker."""

import os
from pathlib import Path

import bentoml
import numpy as np
import onnxruntime
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

site = Starlette(routes=[Route("/ping", lambda request: Response())])


@bentoml.asgi_app(site)
@bentoml.service(workers=1)
class Model:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = Path(os.environ["MODEL_FOLDER"]) / "model" / "model.onnx"
        self.session = onnxruntime.InferenceSession(str(path), options)

    @bentoml.api(route="/invocations")
    def invocations(self, text: str) -> dict:
        rows = np.array([[float(cell) for cell in text.split(",")]], dtype=np.float32)
        return {"predictions": self.session.run(["probabilities"], {"features": rows})[0].tolist()}
