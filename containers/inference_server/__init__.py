"""The inference image: SageMaker's hosting contract for ONNX models and for user scripts."""

import os

# Official builds of ONNX Runtime tell Microsoft which models are loaded, unless told not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
