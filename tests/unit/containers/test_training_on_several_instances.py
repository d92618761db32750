"""Several instances train one model; each is a process with a resourceconfig.json of its own."""

import json
import random
import socket
import time
from contextlib import suppress

import numpy as np
from support.training_job import TrainingJob, as_csv, schema, table

# Three names that resolve to this machine everywhere.
HOSTS = ["127.0.0.1", "127.0.1", "localhost"]


def free_port():
    """One below those that the kernel gives to whoever asks for any, until the tracker has it.

    Not that of `support.ports`: XGBoost's tracker sets no SO_REUSEADDR.
    """
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311  no secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return str(port)


class Cluster:
    """One `/opt/ml` an instance, as SageMaker hands them out."""

    def __init__(self, folder, count, **hyperparameters):
        self.hosts = HOSTS[:count]
        self.jobs = []
        for host in self.hosts:
            job = TrainingJob(folder / host)
            job.configure("resourceconfig", {"current_host": host, "hosts": self.hosts})
            job.hyperparameters(**{"nthread": "1", **hyperparameters})
            job.channel("schema", {"schema.json": json.dumps(schema("binary"))})
            self.jobs.append(job)

    def replicated(self, name, rows):
        for job in self.jobs:
            job.channel(name, {"all.csv": as_csv(rows)})

    def sharded(self, name, *parts):
        for job, part in zip(self.jobs, parts, strict=True):
            content = {} if part is None else {"part.csv": as_csv(part)}
            job.channel(name, content, distribution="ShardedByS3Key")

    def start(self, *, slow=None):
        port, processes = free_port(), {}
        order = [job for index, job in enumerate(self.jobs) if index != slow]
        for job in order:
            processes[id(job)] = job.start(MASTER_PORT=port)
        if slow is not None:
            time.sleep(1.5)  # the others are waiting for it by then
            processes[id(self.jobs[slow])] = self.jobs[slow].start(MASTER_PORT=port)
        return [processes[id(job)] for job in self.jobs]

    def run(self, *, slow=None):
        processes = self.start(slow=slow)
        return [job.finish(p) for job, p in zip(self.jobs, processes, strict=True)]


def evaluation(job):
    return json.loads((job.base / "output/data/evaluation.json").read_text())


def test_instances_share_replicated_rows_and_the_first_leaves_the_model(tmp_path):
    models = []
    for slow in (0, 1):
        cluster = Cluster(tmp_path / str(slow), 2, subsample="0.7", seed="5")
        for seed, name in enumerate(("train", "validation", "test")):
            cluster.replicated(name, table("binary", 401, seed))
        finished = cluster.run(slow=slow)
        assert [one.code for one in finished] == [0, 0], finished[0].log + finished[1].log
        first, second = cluster.jobs
        assert evaluation(first)["rows"] == {"train": 401, "validation": 401, "test": 401}
        assert evaluation(first)["instances"] == 2
        assert evaluation(first)["metrics"]["test"]["auc"] > 0.9
        assert not (second.base / "output/data/evaluation.json").exists()
        assert not (second.model / "model.json").exists()
        models.append((first.model / "model.json").read_bytes())
    assert models[0] == models[1], "the model depends on who came last"


def test_counts_each_row_of_sharded_channels_once_and_takes_an_empty_shard(tmp_path):
    cluster = Cluster(tmp_path, 3)
    rows = table("binary", 300, 0)
    cluster.sharded("train", rows[:200], rows[200:], None)
    cluster.sharded("test", rows[:50], rows[50:60], rows[60:90])
    cluster.replicated("validation", table("binary", 100, 1))
    finished = cluster.run()
    assert [one.code for one in finished] == [0, 0, 0], finished[0].log
    found = evaluation(cluster.jobs[0])
    assert found["rows"] == {"train": 300, "validation": 100, "test": 90}
    assert np.sum(found["reports"]["test"]["confusion_matrix"]["counts"]) == 90


def test_a_fault_in_one_instances_rows_is_every_instances_failure(tmp_path):
    cluster = Cluster(tmp_path, 2)
    good, bad = table("binary", 50, 0), table("binary", 50, 0)
    bad[2, 0] = 7
    cluster.sharded("train", good, bad)
    cluster.replicated("validation", good)
    for one in cluster.run():
        assert one.code == 1
        assert one.failure == (
            "127.0.1: channel train, row 3: the target outcome is 7 (1 such rows); allowed: the"
            " class codes 0 to 1 (no, yes)"
        )


def test_says_so_when_no_instance_has_rows(tmp_path):
    cluster = Cluster(tmp_path, 2)
    cluster.sharded("train", None, None)
    assert {one.failure for one in cluster.run()} == {
        "channel train holds no rows on any of the 2 instances"
    }


def test_says_that_another_instance_was_lost(tmp_path):
    cluster = Cluster(
        tmp_path, 2, num_round="100000", early_stopping_rounds="0", log_period="5", max_depth="2"
    )
    cluster.replicated("train", table("binary", 400, 0))
    first, second = cluster.start()
    for line in first.stdout:
        if line.startswith("round "):
            break
    second.kill()
    second.communicate(timeout=30)
    said = cluster.jobs[0].finish(first)
    assert said.code == 1
    assert said.failure.startswith("127.0.0.1 lost the connection to the other instances")


def test_refuses_a_host_that_is_not_among_the_jobs_own(training_job):
    training_job.data("binary").configure(
        "resourceconfig", {"current_host": "algo-3", "hosts": ["algo-1", "algo-2"]}
    )
    assert training_job.run().failure == (
        "resourceconfig.json: current_host is 'algo-3', which is none of the hosts algo-1, algo-2"
    )


def test_gives_up_on_an_instance_that_never_comes(tmp_path):
    cluster = Cluster(tmp_path, 2)
    cluster.replicated("train", table("binary", 50, 0))
    job = cluster.jobs[1]
    process = job.start(MASTER_PORT=free_port(), TRAINER_GATHER_SECONDS="2")
    assert "could not reach 127.0.0.1" in job.finish(process).failure
