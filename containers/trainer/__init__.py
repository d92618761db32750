"""The training image: XGBoost under SageMaker's training contract.

Reads `/opt/ml/input`, writes a model that `inference_server` serves to `/opt/ml/model`.
"""
