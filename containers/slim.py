"""Take out of site-packages what no image uses: `python slim.py <site-packages> [path...]`.

Tests, headers, type stubs, sources of compiled modules, ONNX Runtime's second copy of itself and
the parts of it that make and convert models; and the paths given. What is left is compiled.
"""

from __future__ import annotations

import compileall
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

NOBODY_USES = (
    "onnxruntime/backend",
    # For programs in C: the Python module holds the whole engine, and so do CUDA's providers.
    "onnxruntime/capi/libonnxruntime.so.*",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "**/tests",
    "**/__pycache__",
    *(f"**/*{suffix}" for suffix in (".a", ".c", ".h", ".hpp", ".pxd", ".pxi", ".pyi", ".pyx")),
)


def slim(packages: Path, others: Sequence[str] = ()) -> int:
    """The bytes that are left under `packages` without `others`, patterns of paths below it."""
    for pattern in (*NOBODY_USES, *others):
        for path in sorted(packages.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # it was in a folder that is gone
    compileall.compile_dir(str(packages), quiet=2, workers=1)
    return sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())


if __name__ == "__main__":
    left = slim(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.write(f"site-packages: {left / 1e6:.1f} MB\n")
