"""Which models are fast enough for the event loop, whatever else the machine does at their start.

In the server's own environment, whose libraries this one has not.
"""

import subprocess

import pytest
from support.inference_server import PYTHON
from support.training_job import ROOT

PROVED = """
import sys, tempfile, types
from pathlib import Path
import numpy as np
from inference_server.models import table
from inference_server.models.table import TableModel
from inference_server.settings import read_settings

class Engine:
    file, columns, classifies, classes = "model", 2, False, None
    def __init__(self, waits): self.waits, self.asked, self.clock = waits, 0, 0.0
    def run(self, matrix):
        self.asked += 1
        # The first run is to see what comes out, the second to warm up.
        self.clock += self.waits[min(max(self.asked - 3, 0), len(self.waits) - 1)]
        return np.zeros((len(matrix), 1), np.float32)

engine = Engine([float(one) for one in sys.argv[1:]])
table.time = types.SimpleNamespace(perf_counter=lambda: engine.clock)
model = TableModel(Path(tempfile.mkdtemp()), read_settings({}), engine)
model.prove()
print("loop" if model.inline_bytes >= 0 else "thread", engine.asked - 2)
"""


@pytest.mark.parametrize(
    ("seconds", "where"),
    [
        ([0], "loop"),
        ([0.05, 0], "loop"),  # another program had its core
        ([0.05, 0.05, 0], "loop"),
        ([0.01], "thread"),
        ([0.2, 0], "thread 1"),  # so slow that it is not tried again
    ],
)
def test_a_model_is_on_the_loop_if_any_try_is_fast(seconds, where):
    done = subprocess.run(
        [PYTHON, "-c", PROVED, *map(str, seconds)],
        env={"PYTHONPATH": str(ROOT / "containers")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith(where)
