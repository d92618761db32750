"""A network of a million parameters as ONNX, for micro-batching: `train_mlp.py <folder>`."""

import itertools
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

WIDTHS = (30, 980, 980, 2)


def main(folder: Path) -> None:
    random = np.random.default_rng(17)
    nodes, weights, last = [], [], "features"
    for layer, (rows, columns) in enumerate(itertools.pairwise(WIDTHS)):
        scale = (2 / rows) ** 0.5
        weight = random.normal(scale=scale, size=(rows, columns)).astype(np.float32)
        weights += [
            numpy_helper.from_array(weight, f"w{layer}"),
            numpy_helper.from_array(np.zeros(columns, np.float32), f"b{layer}"),
        ]
        nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [f"g{layer}"]))
        final = layer == len(WIDTHS) - 2
        last = "probabilities" if final else f"a{layer}"
        nodes.append(helper.make_node("Softmax" if final else "Relu", [f"g{layer}"], [last]))
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, WIDTHS[0]])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, WIDTHS[-1]])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    (folder / "mlp" / "model").mkdir(parents=True, exist_ok=True)
    save(model, folder / "mlp" / "model" / "model.onnx")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
