"""What a careful team writes today: FastAPI on uvicorn, uvloop and httptools, with ONNX Runtime."""

import os
from pathlib import Path

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request, Response

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(
    str(Path(os.environ["MODEL_FOLDER"]) / "model" / "model.onnx"),
    options,
    providers=["CPUExecutionProvider"],
)
app = FastAPI()


@app.get("/ping")
async def ping() -> Response:
    return Response()


@app.post("/invocations")
async def invocations(request: Request) -> dict[str, list[dict[str, object]]]:
    text = (await request.body()).decode()
    rows = [[float(cell) for cell in line.split(",")] for line in text.splitlines()]
    (probabilities,) = session.run(
        ["probabilities"], {"features": np.array(rows, dtype=np.float32)}
    )
    return {
        "predictions": [
            {"label": str(row.argmax()), "probabilities": dict(enumerate(row.tolist()))}
            for row in probabilities
        ]
    }
