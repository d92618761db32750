"""The files that engines other than ONNX Runtime take, the first one first."""

XGBOOST_FILES = ("model.ubj", "model.json")
TORCH_FILES = ("model.pt2", "model.safetensors")
TOKENIZER = "tokenizer.json"
"""Beside a PyTorch model: it reads texts."""
