"""The PyTorch training image: tables and texts under SageMaker's training contract."""

import os

# Official builds of ONNX Runtime tell Microsoft which models are loaded, unless told not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
