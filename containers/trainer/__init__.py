"""The training image: XGBoost under SageMaker's training contract.

Reads `/opt/ml/input`, writes a model that `inference_server` serves to `/opt/ml/model`.
"""

import os

# Official builds of ONNX Runtime tell Microsoft which models are loaded, unless told not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
