"""Training jobs with several instances, and spot jobs that are interrupted."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from typing import Any

import pytest

from local_aws.runtime import injected
from local_aws.runtime.training import TrainingOutcome, run_training_job

ROLE = "arn:aws:iam::222233334444:role/execution"
# Each instance says what it has, and asks the next one by its name.
EACH = """
    import json, os, pathlib, socket
    base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
    resources = json.loads((base / "input/config/resourceconfig.json").read_text())
    host = resources["current_host"]
    addresses = {name: socket.gethostbyname(name) for name in resources["hosts"]}
    with socket.create_server((addresses[host], 7001)) as server:
        server.listen()
        if host == "algo-1":
            for _ in resources["hosts"][1:]:
                server.accept()[0].close()
        else:
            import time
            for _ in range(1200):
                try:
                    socket.create_connection(("algo-1", 7001)).close()
                    break
                except OSError:
                    time.sleep(0.05)
    (base / f"model/{host}.json").write_text(json.dumps({
        "resources": resources, "addresses": addresses, "env": os.environ["CURRENT_HOST"],
        "data": sorted(p.relative_to(base / "input/data").as_posix()
                       for p in (base / "input/data").rglob("*") if p.is_file())}))
    (base / "model/same").write_text(host)
    print(f"{host} is done")
"""


def a_job(image: str, *, count: int = 1, **changes: Any) -> dict[str, Any]:
    channel = {
        name: {
            "ChannelName": name,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://data/{name}/",
                    "S3DataDistributionType": distribution,
                }
            },
        }
        for name, distribution in (("own", "ShardedByS3Key"), ("all", "FullyReplicated"))
    }
    return {
        "TrainingJobName": "job-1",
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:222233334444:training-job/job-1",
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": list(channel.values()),
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/models/"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.xlarge",
            "InstanceCount": count,
            "VolumeSizeInGB": 10,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }


def run(
    job: dict[str, Any], stop: threading.Event | None = None
) -> tuple[TrainingOutcome, list[str]]:
    steps: list[str] = []
    outcome = run_training_job(
        job,
        update=lambda **change: steps.append(change["SecondaryStatus"]),
        stop=stop or threading.Event(),
    )
    return outcome, steps


@pytest.fixture
def data(aws: Any) -> None:
    for name in "abcde":
        aws.objects[f"s3://data/own/{name}.csv"] = b"1\n"
    aws.objects["s3://data/all/x.csv"] = b"2\n"


def model(aws: Any) -> dict[str, Any]:
    packed = io.BytesIO(aws.objects["s3://artifacts/models/job-1/output/model.tar.gz"])
    with tarfile.open(fileobj=packed) as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]


def test_each_instance_runs_with_its_shard_and_reaches_the_others_by_name(
    aws: Any, image: Any, data: None
) -> None:
    """Contracts 1.2: sorted hosts, about 1/n of the objects, everything where replicated."""
    outcome, _ = run(a_job(image.add("each", EACH), count=3))

    assert outcome.status == "Completed", outcome.failure_reason
    content = model(aws)
    hosts = ["algo-1", "algo-2", "algo-3"]
    seen = [json.loads(content[f"{host}.json"]) for host in hosts]
    assert [one["resources"]["current_host"] for one in seen] == hosts
    assert [one["env"] for one in seen] == hosts
    assert all(one["resources"]["hosts"] == hosts for one in seen)
    assert all(one["resources"]["instance_groups"][0]["hosts"] == hosts for one in seen)
    sharded = [[path for path in one["data"] if path.startswith("own/")] for one in seen]
    assert sorted(path for part in sharded for path in part) == [
        f"own/{name}.csv" for name in "abcde"
    ]
    assert {len(part) for part in sharded} == {1, 2}
    assert all("all/x.csv" in one["data"] for one in seen)
    # Contracts 1.5: the content of all hosts is merged.
    assert content["same"] == b"algo-1"


def test_each_instance_has_a_log_stream(aws: Any, image: Any, data: None) -> None:
    """Contracts 1.6."""
    run(a_job(image.add("each", EACH), count=2))
    streams = {stream.rpartition("-")[0]: lines for (_, stream), lines in aws.logs.items()}
    assert streams == {"job-1/algo-1": ["algo-1 is done"], "job-1/algo-2": ["algo-2 is done"]}


def test_one_instance_that_fails_fails_the_job(aws: Any, image: Any, data: None) -> None:
    script = """
        import os, pathlib, sys, time
        if os.environ["CURRENT_HOST"] == "algo-1":
            time.sleep(60)
        failure = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "output/failure"
        failure.write_text("the rows of this instance are no numbers")
        sys.exit(1)
    """
    began = time.monotonic()
    outcome, _ = run(a_job(image.add("fails", script), count=2))
    assert outcome.status == "Failed"
    assert outcome.failure_reason == "AlgorithmError: the rows of this instance are no numbers"
    assert time.monotonic() - began < 60, "the other instance was waited for"


def test_a_stop_asks_every_instance_politely(
    aws: Any, image: Any, data: None, stop_when_said: Any
) -> None:
    """Contracts 1.5: SIGTERM, then what is in /opt/ml/model is still uploaded."""
    script = """
        import os, pathlib, signal, sys, time
        base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
        def leave(*_):
            (base / "model" / os.environ["CURRENT_HOST"]).write_text("politely")
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        print("ready", flush=True)
        time.sleep(60)
    """
    stop = stop_when_said("ready", times=2)
    outcome, _ = run(a_job(image.add("slow", script), count=2), stop)
    assert (outcome.status, outcome.secondary_status) == ("Stopped", "Stopped")
    assert model(aws) == {"algo-1": b"politely", "algo-2": b"politely"}


def test_groups_of_instances_share_the_names(aws: Any, image: Any, data: None) -> None:
    job = a_job(image.add("each", EACH))
    job["ResourceConfig"] = {
        "InstanceGroups": [
            {"InstanceGroupName": "small", "InstanceType": "ml.m5.large", "InstanceCount": 1},
            {"InstanceGroupName": "large", "InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        ],
        "VolumeSizeInGB": 10,
    }
    outcome, _ = run(job)
    assert outcome.status == "Completed", outcome.failure_reason
    second = json.loads(model(aws)["algo-2.json"])["resources"]
    assert second["current_group_name"] == "large"
    assert second["current_instance_type"] == "ml.m5.xlarge"
    assert second["hosts"] == ["algo-1", "algo-2"]


RESUMES = """
    import os, pathlib, time
    base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
    runs = len(list((base / "checkpoints").iterdir()))
    (base / f"checkpoints/run-{runs}").write_text("here")
    if runs < 2:
        time.sleep(60)
    (base / "model/runs").write_text(str(runs + 1))
"""


def spot(image: str, **changes: Any) -> dict[str, Any]:
    stopping = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}
    return a_job(
        image,
        **{
            "EnableManagedSpotTraining": True,
            "StoppingCondition": stopping,
            "CheckpointConfig": {"S3Uri": "s3://artifacts/checkpoints/job-1"},
            **changes,
        },
    )


def test_an_interrupted_spot_job_starts_again_with_its_checkpoints(
    aws: Any, image: Any, data: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contracts 1.5: Starting, Downloading, Training, Interrupted, Starting, ..."""
    monkeypatch.setenv(injected.SPOT, "3,3")  # seconds, in which a run leaves its checkpoint
    outcome, steps = run(spot(image.add("resumes", RESUMES)))
    assert outcome.status == "Completed", outcome.failure_reason
    again = ["Starting", "Downloading", "Training"]
    assert steps == [*again, "Interrupted", *again, "Interrupted", *again, "Uploading"]
    assert model(aws) == {"runs": b"3"}


def test_an_interrupted_spot_job_waits_no_longer_than_it_may(
    aws: Any, image: Any, data: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(injected.SPOT, "1.1")
    stopping = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 1}
    outcome, _ = run(spot(image.add("resumes", RESUMES), StoppingCondition=stopping))
    assert (outcome.status, outcome.secondary_status) == ("Stopped", "MaxWaitTimeExceeded")


def test_a_job_on_demand_is_never_interrupted(
    aws: Any, image: Any, data: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(injected.SPOT, "0.1")
    _, steps = run(a_job(image.add("each", EACH)))
    assert "Interrupted" not in steps
