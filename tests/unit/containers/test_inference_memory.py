"""What a refused request leaves in memory once it is answered: its sentence, and nothing else."""

import subprocess

import pytest
from support.inference_server import PYTHON
from support.training_job import ROOT

# In the server's own environment, whose libraries this one has not.
REFUSED = """
import asyncio, gc, sys, tempfile
from pathlib import Path
from types import SimpleNamespace
from inference_server.dispatch import Dispatcher
from inference_server.models.base import Request
from inference_server.models.table import TableModel
from inference_server.settings import read_settings

gc.disable()  # nothing may wait for it: a body has megabytes
kind, accept, together = sys.argv[1], sys.argv[2], sys.argv[3] == "together"
body = sys.argv[4].encode() * 2  # one byte alone would be Python's own
loop, kept = asyncio.new_event_loop(), []
engine = SimpleNamespace(file="model", columns=2, classifies=False, classes=None, run=None)
model = TableModel(Path(tempfile.mkdtemp()), read_settings({}), engine)
dispatcher = Dispatcher(
    model, loop, most=8 if together else 1, seconds=9, stuck=loop.stop,
    done=lambda batch, outcomes: kept.extend(outcomes),
)

def ask():
    request = Request(body, {"content-type": kind, "accept": accept})
    there = SimpleNamespace(transport=True)
    exchange = SimpleNamespace(body=body, headers=request.headers, connection=there)
    dispatcher.submit(exchange)
    loop.call_soon(loop.stop)
    loop.run_forever()

before = sys.getrefcount(body)
ask()
print(kept[0].status, sys.getrefcount(body) - before)
"""


@pytest.mark.parametrize("together", ["together", "alone"])
@pytest.mark.parametrize(
    ("kind", "accept", "body", "status"),
    [
        ("text/csv", "*/*", "1,2,3", 400),
        ("text/csv", "*/*", "é,b\n", 400),
        ("application/json", "*/*", "{", 400),
        ("application/jsonlines", "*/*", "[1,[2]]", 400),
        ("application/x-npy", "*/*", "no array", 400),
        ("text/plain", "*/*", "1,2", 415),
        ("text/csv", "image/png", "1,2", 406),
    ],
)
def test_a_refused_body_is_let_go_at_once(kind, accept, body, status, together):
    done = subprocess.run(
        [PYTHON, "-c", REFUSED, kind, accept, together, body],
        env={"PYTHONPATH": str(ROOT / "containers")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [str(status), "0"]
