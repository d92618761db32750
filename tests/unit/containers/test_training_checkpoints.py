"""A job that is interrupted goes on where it was, and ends with the model it would have had."""

import json
import signal

import pytest
from support.training_job import ROOT, TrainingJob

# Everything that draws at random: what was drawn before the interruption must not matter.
RANDOM = {
    "nthread": "1",
    "num_round": "47",
    "subsample": "0.7",
    "colsample_bytree": "0.6",
    "colsample_bynode": "0.8",
    "seed": "5",
    "checkpoint_period": "5",
    "log_period": "1",
    "early_stopping_rounds": "30",
}


# The process ends as it says this, whatever keeps whoever listens to it.
KILLED = """
import logging, os, signal
def record(*words, make=logging.getLogRecordFactory(), **named):
    made = make(*words, **named)
    if made.getMessage().startswith("round 23 of 47"):
        os.kill(os.getpid(), signal.SIGKILL)
    return made
logging.setLogRecordFactory(record)
"""


def a_job(base, **values):
    job = TrainingJob(base)
    job.configure("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    job.data("binary").hyperparameters(**{**RANDOM, **values})
    (base / "checkpoints").mkdir()
    return job


def until(process, line):
    for said in process.stdout:
        if said.startswith(line):
            return
    pytest.fail(f"the job ended before it said {line!r}")


def checkpoints(job):
    return sorted(path.name for path in (job.base / "checkpoints").iterdir())


def moved(job, base, **values):
    """A new instance that got the checkpoints from S3."""
    fresh = a_job(base, **values)
    for path in (job.base / "checkpoints").iterdir():
        (fresh.base / "checkpoints" / path.name).write_bytes(path.read_bytes())
    return fresh


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    job = a_job(tmp_path_factory.mktemp("whole"))
    finished = job.run()
    assert finished.code == 0, finished.log
    return job


def test_a_killed_job_resumes_to_the_same_bytes(uninterrupted, tmp_path):
    killed = a_job(tmp_path / "killed")
    (tmp_path / "sitecustomize.py").write_text(KILLED)
    path = f"{tmp_path}:{ROOT / 'containers'}"
    assert killed.finish(killed.start(PYTHONPATH=path)).code == -signal.SIGKILL
    assert "round-00000020.ubj" in checkpoints(killed)
    assert not (killed.model / "model.json").exists()

    resumed = moved(killed, tmp_path / "resumed")
    finished = resumed.run()

    assert finished.code == 0, finished.log
    assert "of an earlier run" in finished.log
    assert "round 3 of 47" not in finished.log
    for name in ("model.json", "model.onnx"):
        assert (resumed.model / name).read_bytes() == (uninterrupted.model / name).read_bytes()


def test_keeps_the_newest_two_and_no_draft(uninterrupted):
    assert checkpoints(uninterrupted) == ["round-00000040.ubj", "round-00000045.ubj"]


def test_a_checkpoint_of_which_s3_has_only_a_part_is_passed_over(uninterrupted, tmp_path):
    resumed = moved(uninterrupted, tmp_path / "resumed")
    newest = resumed.base / "checkpoints/round-00000045.ubj"
    newest.write_bytes(newest.read_bytes()[:-100])
    finished = resumed.run()
    assert "round-00000045.ubj is incomplete" in finished.log
    assert "going on after round 40" in finished.log
    assert (resumed.model / "model.json").read_bytes() == (
        uninterrupted.model / "model.json"
    ).read_bytes()


def test_refuses_checkpoints_of_another_job(uninterrupted, tmp_path):
    finished = moved(uninterrupted, tmp_path / "other", max_depth="2").run()
    assert finished.code == 1
    assert finished.failure == (
        "checkpoint round-00000045.ubj is of a job with other data or hyperparameters than this"
        " one; give CheckpointConfig an S3Uri with nothing under it"
    )


def test_sigterm_ends_with_a_checkpoint_and_the_model_so_far(uninterrupted, tmp_path):
    stopped = a_job(tmp_path / "stopped", num_round="20000", early_stopping_rounds="0")
    process = stopped.start()
    until(process, "round 12 of 20000")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    rounds = json.loads((stopped.model / "metrics.json").read_text())["rounds"]
    assert rounds["interrupted"] is True
    assert rounds["run"] % 5 == 0, "rounds that no checkpoint holds would be run twice"
    assert checkpoints(stopped)[-1] == f"round-{rounds['run']:08d}.ubj"


def test_writes_nothing_where_s3_would_not_follow(tmp_path):
    job = a_job(tmp_path, num_round="6")
    (job.base / "checkpoints").rmdir()
    assert job.run().code == 0
    assert not (job.base / "checkpoints").exists()
