"""What a user puts beside the model: the answer of their own, computed by the trainer's ONNX."""

import json
from pathlib import Path

import numpy as np
import onnxruntime


def model_fn(model_dir):
    names = json.loads((Path(model_dir) / "schema.json").read_text())["target"]["classes"]
    return onnxruntime.InferenceSession(Path(model_dir) / "model.onnx"), names


def input_fn(data, content_type):
    assert content_type == "application/json"
    return np.array(json.loads(data)["codes"], dtype=np.float32)


def predict_fn(codes, model):
    session, names = model
    chances = session.run(["probabilities"], {"features": codes})[0]
    return [{"species": names[row.argmax()], "chance": float(row.max())} for row in chances]


def output_fn(found, accept):
    return json.dumps(found), "application/json"
