"""ONNX Runtime on this machine's GPUs answers as on its CPU: `make test-gpu`."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.inference_server import PYTHON, Running, running
from support.training_job import ROOT, TrainingJob, as_csv, table

pytestmark = pytest.mark.gpu
SLOW = 120  # of seconds: CUDA's libraries are read for the first time
DIFFERENCE = 1e-3  # a GPU sums in another order, and rounds some products to TF32
MAKE_MLP = """
import sys
import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
random = np.random.default_rng(3)
sizes = (4, 32, 32, 3)
weights, nodes, last = [], [], "features"
for number, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
    for name, shape in (("w", (rows, columns)), ("b", (columns,))):
        values = random.normal(0, 0.5, shape).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"{name}{number}"))
    nodes.append(helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [f"x{number}"]))
    final = number == len(sizes) - 2
    last = "probabilities" if final else f"y{number}"
    nodes.append(helper.make_node("Softmax" if final else "Relu", [f"x{number}"], [last]))
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
        for name, width in (("features", 4), ("probabilities", 3))]
graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], weights)
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8),
     sys.argv[1])
"""


def mlp(base: Path) -> list[str]:
    """A small network under `base`, and rows for it."""
    (base / "model").mkdir(parents=True)
    python = ROOT / ".venvs/trainer/bin/python"
    subprocess.run([python, "-c", MAKE_MLP, base / "model/model.onnx"], check=True)
    rows = np.random.default_rng(4).normal(0, 1, (200, 4))
    return [",".join(f"{value:.6f}" for value in row) for row in rows]


def trees(base: Path) -> list[str]:
    """A gradient-boosted model under `base`, as our trainer leaves it, and rows for it."""
    job = TrainingJob(base)
    job.configure("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    finished = job.data("multiclass").hyperparameters().run()
    assert finished.code == 0, finished.log
    (base / "model/schema.json").unlink()  # the rows are codes already
    return as_csv(table("multiclass", 200, 9)[:, 1:]).splitlines()


def answers(server: Running, rows: Sequence[str]) -> Any:
    body = server.invoke("\n".join(rows).encode(), seconds=30).partition(b"\r\n\r\n")[2]
    found = json.loads(body)["predictions"]
    assert len(found) == len(rows)
    return np.array([[*row["probabilities"].values()] for row in found])


def lines(base: Path, message: str) -> list[dict[str, Any]]:
    log = [json.loads(line) for line in (base / "log").read_text().splitlines() if line[:1] == "{"]
    return [line for line in log if line["message"].startswith(message)]


@pytest.mark.parametrize("make", [mlp, trees])
def test_a_gpu_answers_as_the_cpu_does_and_each_has_one_worker(
    tmp_path: Path, make: Any, gpus: int, gpu_python: Path
) -> None:
    rows = make(tmp_path)
    with running(tmp_path, python=PYTHON, INFERENCE_PROVIDERS="cpu") as server:
        expected = answers(server, rows)
    # Without `cpu` among them: the server starts on CUDA or not at all.
    with running(tmp_path, python=gpu_python, patience=SLOW, INFERENCE_PROVIDERS="cuda") as server:
        found = answers(server, rows)
        alone = answers(server, rows[:1])
        until = time.monotonic() + SLOW
        while len(lines(tmp_path, "ready")) < gpus and time.monotonic() < until:
            time.sleep(0.1)
    assert np.abs(found - expected).max() <= DIFFERENCE
    assert np.abs(alone - expected[:1]).max() <= DIFFERENCE
    assert len({line["pid"] for line in lines(tmp_path, "ready")}) == gpus
    if make is mlp:
        said = lines(tmp_path, "where the model runs")
        assert {line["device"] for line in said} == set(range(gpus))
        assert all(line["nodes"].get("CUDAExecutionProvider") for line in said), said
    else:
        assert len(lines(tmp_path, "cuda is there and runs no part of this model")) == gpus
