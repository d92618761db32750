"""SIGTERM comes when it likes: before a program listens, or while it starts others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.inference_server import PYTHON
from support.ports import free_port
from support.training_job import ROOT, TrainingJob, environment

# Sends SIGTERM to its own process as that imports a module.
AS_IT_IMPORTS = """
import os, signal, sys
class Early:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGTERM)
sys.meta_path.insert(0, Early())
from {program}.__main__ import main
code = main(["{word}"])
sys.stdout.flush()
os._exit(code)
"""


def ended(python: Path | str, words: list[str], given: dict[str, str]) -> tuple[int, str]:
    """The exit code and what was said."""
    done = subprocess.run(
        [python, *words],
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout


def test_a_training_job_that_is_stopped_as_it_begins_leaves_a_model(
    training_job: TrainingJob,
) -> None:
    training_job.data("binary").hyperparameters(num_round="100000", early_stopping_rounds="0")
    program = AS_IT_IMPORTS.format(module="trainer.job", program="trainer", word="train")
    code, said = ended(
        ROOT / ".venvs/trainer/bin/python", ["-c", program], environment(training_job.base)
    )
    assert code == 0, said
    rounds = json.loads((training_job.model / "metrics.json").read_text())["rounds"]
    assert rounds["interrupted"] is True


# In the place of the trainer's processes; the first is no sooner started than the signal comes.
SEVERAL = """
import os, signal, subprocess, sys, time
from training_job import program
if "LOCAL_RANK" in os.environ:
    time.sleep(0.3)  # as long as a process takes to begin
    heard = program.stop_on_sigterm("epoch").wait(60)
    print("heard" if heard else "waited", flush=True)
    sys.exit(not heard)
from torch_trainer import __main__ as trainer
start = subprocess.Popen
def started(words, **given):
    process = start([sys.executable, __file__], **given)
    if given["env"]["LOCAL_RANK"] == "0":
        os.kill(os.getpid(), signal.SIGTERM)
    return process
subprocess.Popen = started
sys.exit(trainer.main(["train"]))
"""


def test_each_of_several_training_processes_hears_a_signal_that_comes_as_they_start(
    training_job: TrainingJob, tmp_path: Path
) -> None:
    training_job.hyperparameters(processes="2")
    program = tmp_path / "program.py"
    program.write_text(SEVERAL)
    code, said = ended(sys.executable, [str(program)], environment(training_job.base))
    assert code == 0, said
    assert said == "heard\n" * 2


SCRIPT = "def model_fn(d): return 1\ndef predict_fn(data, model): return model\n"


@pytest.mark.parametrize("module", ["inference_server.supervisor", "inference_server.worker"])
def test_a_server_that_is_stopped_once_its_port_is_open_ends_well(
    tmp_path: Path, module: str
) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text(SCRIPT)
    program = AS_IT_IMPORTS.format(module=module, program="inference_server", word="serve")
    given = environment(tmp_path, SAGEMAKER_BIND_TO_PORT=str(free_port()))
    code, said = ended(PYTHON, ["-c", program], given)
    assert code == 0, said
    assert '"stopped"' in said


KILLED = """
import os, select, signal, socket, time
from inference_server import supervisor
from inference_server.settings import read_settings
one = supervisor.Supervisor(read_settings({}), socket.create_server(("127.0.0.1", 0)))
signal.signal(signal.SIGCHLD, lambda *_: None)
one._loading = True
def deaf(report):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(report, b"deaf")
    time.sleep(60)
    return 0
one._fork(0, deaf)
select.select([child.report for child in one._children.values()], [], [])
one._stop()
one._keep_going()
assert os.waitpid(-1, os.WNOHANG) == (0, 0)
one._stopping_since -= supervisor.STOP_SECONDS + 1
one._keep_going()
print(os.waitstatus_to_exitcode(os.waitpid(-1, 0)[1]))
"""


def test_who_does_not_stop_in_time_is_killed_also_while_the_model_loads(tmp_path: Path) -> None:
    code, said = ended(PYTHON, ["-c", KILLED], environment(tmp_path))
    assert (code, said) == (0, "-9\n")
