"""An ONNX Runtime with providers that this machine has not got, for a server's own interpreter.

FAKE_BUILT: the providers of the build. FAKE_ABLE: those whose libraries and driver are there.
FAKE_NODES: who gets the model's nodes, default the first one. Each session is a line in FAKE_SEEN.
As version 1.31.1 does it: CUDA without its libraries is left out of the session, TensorRT without
its own is an exception. Reason and wording were seen there, on a machine without a GPU.
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

WEIGHTS = np.array([[0.1, -0.1], [0.2, -0.2], [0.3, 0], [0, 0.1]], dtype=np.float32)
preloaded = False


def _list(name):
    return [*os.environ.get(name, "").split(","), "CPUExecutionProvider"]


def get_available_providers():
    return [name for name in _list("FAKE_BUILT") if name]


def preload_dlls():
    global preloaded
    preloaded = True
    if "CUDAExecutionProvider" not in _list("FAKE_ABLE"):
        sys.stdout.write("Failed to load libcublasLt.so.13: cannot open shared object file\n")


class SessionOptions:
    def add_session_config_entry(self, key, value):
        assert (key, value) == ("session.record_ep_graph_assignment_info", "1")


class InferenceSession:
    def __init__(self, path, options, providers, enable_fallback):
        names = [one if isinstance(one, str) else one[0] for one in providers]
        assert not enable_fallback
        assert set(names) <= set(get_available_providers())
        assert preloaded or names == ["CPUExecutionProvider"]
        if "TensorrtExecutionProvider" in set(names) - set(_list("FAKE_ABLE")):
            raise RuntimeError("Please install TensorRT libraries\nas the page says")
        self.providers = [name for name in names if name in _list("FAKE_ABLE")]
        with Path(os.environ["FAKE_SEEN"]).open("a") as seen:
            seen.write(json.dumps(providers) + "\n")

    def get_providers(self):
        return self.providers

    def get_provider_graph_assignment_info(self):
        name = os.environ.get("FAKE_NODES") or self.providers[0]
        return [SimpleNamespace(ep_name=name, get_nodes=lambda: [1, 2])]

    def get_inputs(self):
        return [SimpleNamespace(name="features", type="tensor(float)", shape=[None, 4])]

    def get_outputs(self):
        return [SimpleNamespace(name="probabilities", shape=[None, 2])]

    def run(self, outputs, feed):
        grown = np.exp(feed["features"] @ WEIGHTS)
        return [(grown / grown.sum(axis=1, keepdims=True)).astype(np.float32)]
