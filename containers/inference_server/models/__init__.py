"""What can answer a request: a built-in ONNX model, or a user's script."""
