"""Take out of an image's site-packages what no server imports: `python slim.py <site-packages>`.

Tests, headers, type stubs, sources of compiled modules, and the parts of ONNX Runtime that make
and convert models. What is left is compiled without its docstrings' twin files.
"""

from __future__ import annotations

import compileall
import shutil
import sys
from pathlib import Path

FOLDERS = (
    "numpy/f2py",
    "numpy/distutils",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    # ONNX Runtime's Python tools use these three, its engine has its own.
    "flatbuffers",
    "google",
    "packaging",
)
SUFFIXES = (".a", ".c", ".h", ".hpp", ".pxd", ".pxi", ".pyi", ".pyx")


def slim(packages: Path) -> int:
    """The bytes that are left under `packages`."""
    for name in FOLDERS:
        shutil.rmtree(packages / name, ignore_errors=True)
    for folder in sorted(packages.rglob("tests")) + sorted(packages.rglob("__pycache__")):
        shutil.rmtree(folder, ignore_errors=True)
    for path in packages.rglob("*"):
        if path.suffix in SUFFIXES and path.is_file():
            path.unlink()
    compileall.compile_dir(str(packages), quiet=2, workers=1)
    return sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.stdout.write(f"site-packages: {slim(Path(sys.argv[1])) / 1e6:.1f} MB\n")
