"""PyTorch training jobs, with their own interpreter (make test-torch)."""

from __future__ import annotations

import json
import re
import shutil
import socket

import psutil
import pytest
from support.torch_job import TorchJob, a_text_job
from support.training_job import as_csv, table

from sagemaker_workflow.training.metrics import metric_definitions

pytestmark = pytest.mark.torch
HOSTS = ["127.0.0.1", "localhost"]


def a_job(base, problem="binary", *, host="algo-1", hosts=("algo-1",), **values):
    job = TorchJob(base)
    job.configure("resourceconfig", {"current_host": host, "hosts": list(hosts)})
    job.data(problem).set(**values)
    return job


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def evaluation(job):
    return json.loads((job.base / "output/data/evaluation.json").read_text())


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("problem", "metric", "low"), [("binary", "auc", 0.9), ("multiclass", "accuracy", 0.7),
                                   ("regression", "r2", 0.6)]
)  # fmt: skip
def test_a_table_becomes_a_model_that_the_inference_server_serves(
    tmp_path, serve, problem, metric, low
):
    job = a_job(tmp_path, problem, epochs="40", learning_rate="0.01")
    finished = job.finish(job.start())
    assert finished.code == 0, finished.log
    assert files(job.model) == ["metrics.json", "model.onnx", "schema.json"]
    found = evaluation(job)
    assert found["metrics"]["test"][metric] > low
    assert found["export_max_difference"] <= 1e-4
    assert f"metric test:{metric}=" in finished.log
    server = serve(job.base)
    answer = server.invoke("UA,1500,3,1\nAA,,,0\nXX,900,1,1\n", Accept="application/json")
    assert answer.status == 200, answer.text
    assert len(answer.json()["predictions"]) == 3


def test_a_killed_job_goes_on_to_the_same_weights(tmp_path):
    whole, killed, resumed = (
        a_job(tmp_path / name, epochs="6", early_stopping_epochs="0")
        for name in ("whole", "killed", "resumed")
    )
    for job in (whole, killed, resumed):
        (job.base / "checkpoints").mkdir()
    assert whole.finish(whole.start()).code == 0
    process = killed.start()
    for line in process.stdout:
        if line.startswith("epoch 4 of 6"):
            break
    process.kill()
    process.communicate(timeout=30)
    for path in (killed.base / "checkpoints").iterdir():
        (resumed.base / "checkpoints" / path.name).write_bytes(path.read_bytes())
    finished = resumed.finish(resumed.start())
    assert finished.code == 0, finished.log
    assert "of an earlier run" in finished.log
    last = "checkpoints/epoch-000006.safetensors"
    assert (resumed.base / last).read_bytes() == (whole.base / last).read_bytes()


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_every_metric_definition_reads_what_a_job_prints(tmp_path, problem):
    """Contracts 1.6: each line is searched, and group 1 is the value."""
    finished = a_job(tmp_path, problem, epochs="1").run()
    assert finished.code == 0, finished.log
    for metric in metric_definitions(problem):
        found = [re.search(metric["Regex"], line) for line in finished.log.splitlines()]
        assert [float(match[1]) for match in found if match], metric["Name"]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    models = []
    for name, seed in (("one", "5"), ("two", "5"), ("other", "6")):
        job = a_job(tmp_path / name, epochs="2", seed=seed)
        assert job.run().code == 0
        models.append((job.model / "model.onnx").read_bytes())
    assert models[0] == models[1]
    assert models[0] != models[2]


def test_a_process_that_is_killed_ends_the_job_and_the_failure_says_so(tmp_path):
    """Whoever is short of memory is killed and cannot write a failure file itself."""
    endless = {"epochs": "10000", "early_stopping_epochs": "0", "processes": "2"}
    job = a_job(tmp_path, host="localhost", hosts=["localhost"], **endless)
    port = free_port()
    process = job.start(MASTER_PORT=port, TRAINER_GATHER_SECONDS="120")
    assert process.stdout is not None
    while "epoch 1 of" not in (line := process.stdout.readline()):
        assert line, "it ended before its first epoch"
    (victim, *_) = psutil.Process(process.pid).children()
    victim.kill()
    finished = job.finish(process)
    assert finished.code == 1, finished.log
    assert "processes of this instance was ended by signal 9 (Killed)" in finished.failure


def test_an_instance_that_is_lost_is_said_by_the_others(tmp_path):
    endless = {"epochs": "10000", "early_stopping_epochs": "0"}
    jobs = [a_job(tmp_path / host, host=host, hosts=HOSTS, **endless) for host in HOSTS]
    port = free_port()
    first, second = (job.start(MASTER_PORT=port) for job in jobs)
    while "epoch 1 of" not in (line := first.stdout.readline()):
        assert line, "it ended before its first epoch"
    (child,) = psutil.Process(second.pid).children()
    child.kill()
    said = [job.finish(one) for job, one in zip(jobs, (first, second), strict=True)]
    assert [one.code for one in said] == [1, 1], said[0].log
    assert said[0].failure == (
        "127.0.0.1 lost the connection to the other processes of the job (127.0.0.1, localhost):"
        " one of them ended before the job did; its own log and failure say why"
    )
    assert said[1].failure.startswith("the process of this instance was ended by signal 9 (Killed)")


def test_the_failure_is_of_the_process_that_failed_for_a_reason_of_its_own(tmp_path):
    """The other one fails too: of a connection that is closed."""
    job = a_job(tmp_path, host="localhost", hosts=["localhost"], processes="2")
    (job.base / "checkpoints/.epoch-000001.safetensors.draft").mkdir(parents=True)
    finished = job.finish(job.start(MASTER_PORT=free_port()))
    assert finished.code == 1, finished.log
    assert "lost the connection" not in finished.failure
    assert "directory" in finished.failure, finished.failure


@pytest.mark.parametrize("without", [0, 1])
def test_takes_an_instance_with_none_of_a_sharded_text_channels_objects(tmp_path, without):
    whole = a_text_job(tmp_path / "whole")
    jobs = []
    for index, host in enumerate(HOSTS):
        shutil.copytree(whole.base, tmp_path / host)
        job = TorchJob(tmp_path / host)
        job.configure("resourceconfig", {"current_host": host, "hosts": HOSTS})
        if index == without:
            (job.base / "input/data/train/a.jsonl").unlink()
        job.channel("train", {}, distribution="ShardedByS3Key")
        jobs.append(job.set(task="text", learning_rate="0.01", max_length="12"))
    port = free_port()
    started = [job.start(MASTER_PORT=port) for job in jobs]
    finished = [job.finish(one) for job, one in zip(jobs, started, strict=True)]
    assert [one.code for one in finished] == [0, 0], finished[0].log + finished[1].log
    assert evaluation(jobs[0])["rows"]["train"] == 200
    assert evaluation(jobs[0])["metrics"]["test"]["accuracy"] > 0.95


@pytest.mark.parametrize("processes", [1, 2])
def test_instances_and_processes_share_the_rows(tmp_path, processes):
    port = free_port()
    jobs = [
        a_job(tmp_path / host, host=host, hosts=HOSTS, processes=str(processes), batch_size="16")
        for host in HOSTS
    ]
    started = [job.start(MASTER_PORT=port) for job in jobs]
    finished = [job.finish(one) for job, one in zip(jobs, started, strict=True)]
    assert [one.code for one in finished] == [0, 0], finished[0].log + finished[1].log
    found = evaluation(jobs[0])
    assert found["processes"] == 2 * processes
    assert found["rows"] == {"train": 600, "validation": 200, "test": 200}
    assert found["metrics"]["test"]["auc"] > 0.85
    assert not (jobs[1].model / "model.onnx").exists()


def test_a_step_weighs_every_row_the_same_however_the_rows_are_spread(tmp_path):
    """Without dropout and noise, two processes that see all rows in a step are as one."""
    losses = []
    settings = {"dropout": "0", "epochs": "3", "early_stopping_epochs": "0"}
    alone = a_job(tmp_path / "alone", batch_size="100000", **settings)
    assert alone.finish(alone.start()).code == 0
    losses.append(evaluation(alone)["metrics"]["train"]["logloss"])
    port = free_port()
    jobs = [
        a_job(tmp_path / host, host=host, hosts=HOSTS, batch_size="100000", **settings)
        for host in HOSTS
    ]
    rows = table("binary", 600, 0)
    for job, part in zip(jobs, (rows[:599], rows[599:]), strict=True):
        job.channel("train", {"train.csv": as_csv(part)}, distribution="ShardedByS3Key")
    started = [job.start(MASTER_PORT=port) for job in jobs]
    finished = [job.finish(one) for job, one in zip(jobs, started, strict=True)]
    assert [one.code for one in finished] == [0, 0], finished[0].log + finished[1].log
    losses.append(evaluation(jobs[0])["metrics"]["train"]["logloss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_text_classifier_starts_from_the_channels_weights(tmp_path):
    job = a_text_job(tmp_path)
    finished = job.finish(job.start())
    assert finished.code == 0, finished.log
    assert evaluation(job)["metrics"]["test"]["accuracy"] > 0.95
    assert files(job.model) == [
        "config.json",
        "metrics.json",
        "model.pt2",
        "model.safetensors",
        "schema.json",
        "tokenizer.json",
    ]


FAULTS = {
    "no_weights": (
        lambda job: (job.base / "input/data/model/model.safetensors").unlink(),
        "channel model holds no model.safetensors; fine-tuning a text needs model.safetensors,"
        " config.json, tokenizer.json",
    ),
    "weights_of_another_network": (
        lambda job: job.channel(
            "model",
            {"config.json": json.dumps({"vocab_size": 32, "width": 8, "layers": 1, "heads": 2,
                                        "max_length": 16})},
        ),
        "model.safetensors of channel model does not fit its config.json:",
    ),
    "texts_longer_than_the_network": (
        lambda job: job.set(task="text"),
        "hyperparameter max_length is 128, allowed: up to 16, the max_length in config.json of"
        " channel model",
    ),
    "a_tokenizer_of_more_tokens": (
        lambda job: job.channel("model", {"config.json": json.dumps({"vocab_size": 8, "width": 16,
                                          "layers": 1, "heads": 2, "max_length": 16})}),
        "tokenizer.json of channel model has 15 tokens, allowed: up to 8, the vocab_size in its",
    ),
    "a_label_that_is_no_class": (
        lambda job: job.channel("train", {"a.jsonl": '{"text": "x", "label": "meh"}\n'}),
        "channel train, file a.jsonl, line 1: label 'meh' is no class; allowed: bad, good",
    ),
    "a_line_that_is_none": (
        lambda job: job.channel("train", {"a.jsonl": "hello\n"}),
        'channel train, file a.jsonl, line 1 is not of the form {"text": "...", "label": "..."}',
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_a_text_job_with(tmp_path, fault):
    change, sentence = FAULTS[fault]
    job = a_text_job(tmp_path)
    change(job)
    finished = job.finish(job.start())
    assert finished.code == 1
    assert (finished.failure or "").startswith(sentence)


def test_names_every_bad_hyperparameter_at_once(tmp_path):
    job = a_job(tmp_path, epoch="3", dropout="2")
    assert job.finish(job.start()).failure == (
        "hyperparameters: dropout is '2', allowed: a number from 0 to 0.9; epoch is unknown, did"
        " you mean epochs?"
    )
