"""LitServe with ONNX Runtime, batching off: one row is one request."""

import os
import sys
from pathlib import Path

import litserve
import numpy as np
import onnxruntime


class Model(litserve.LitAPI):
    def setup(self, device):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = Path(os.environ["MODEL_FOLDER"]) / "model" / "model.onnx"
        self.session = onnxruntime.InferenceSession(str(path), options)

    def decode_request(self, request):
        return np.array([[float(cell) for cell in request["text"].split(",")]], dtype=np.float32)

    def predict(self, x):
        return self.session.run(["probabilities"], {"features": x})[0]

    def encode_response(self, output):
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(
        Model(api_path="/invocations"), accelerator="cpu", healthcheck_path="/ping"
    )
    server.run(port=int(sys.argv[1]), log_level="error", generate_client_file=False)
