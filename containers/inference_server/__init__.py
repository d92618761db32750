"""The inference image: SageMaker's hosting contract for ONNX models and for user scripts."""
