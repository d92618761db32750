"""Processing jobs with several instances, as contracts.md section 7 describes them."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from local_aws.runtime.processing import ProcessingOutcome, run_processing_job

ROLE = "arn:aws:iam::222233334444:role/execution"
# Each instance says what it has, once every other one has answered to its name.
EACH = """
    import json, os, pathlib, socket, time
    base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
    resources = json.loads((base / "config/resourceconfig.json").read_text())
    host = resources["current_host"]
    with socket.create_server((socket.gethostbyname(host), 7002)) as server:
        server.listen()
        for other in resources["hosts"]:
            for _ in range(1200):
                try:
                    socket.create_connection((other, 7002)).close()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                raise SystemExit(f"{host} does not reach {other}")
        time.sleep(0.5)
    inputs = base / "processing/input"
    files = [path for path in inputs.rglob("*") if path.is_file()]
    (base / f"processing/output/{host}.json").write_text(json.dumps({
        "resources": resources,
        "data": sorted(path.relative_to(inputs).as_posix() for path in files)}))
    (base / "output/message").write_text(f"{host} kept its rows. ")
    print(f"{host} is done")
"""


def a_job(image: str, *, count: int = 3, **changes: Any) -> dict[str, Any]:
    def given(name: str, distribution: str) -> dict[str, Any]:
        source = {
            "S3Uri": f"s3://data/{name}/",
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": distribution,
        }
        return {"InputName": name, "S3Input": source}

    target = {
        "S3Uri": "s3://data/clean",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    return {
        "ProcessingJobName": "prepare-1",
        "ProcessingJobArn": "arn:aws:sagemaker:us-east-1:222233334444:processing-job/prepare-1",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": image},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": count,
                "InstanceType": "ml.m5.xlarge",
                "VolumeSizeInGB": 10,
            }
        },
        "ProcessingInputs": [given("own", "ShardedByS3Key"), given("all", "FullyReplicated")],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "clean", "S3Output": target}]},
        **changes,
    }


def run(job: dict[str, Any], stop: threading.Event | None = None) -> ProcessingOutcome:
    return run_processing_job(job, update=lambda **_: None, stop=stop or threading.Event())


@pytest.fixture(autouse=True)
def data(aws: Any) -> None:
    for name in "abcde":
        aws.objects[f"s3://data/own/{name}.csv"] = b"1\n"
    aws.objects["s3://data/all/x.csv"] = b"2\n"


def test_each_instance_has_its_shard_and_its_output_is_uploaded(aws: Any, image: Any) -> None:
    """/opt/ml/config/resourceconfig.json tells the hosts; messages are concatenated."""
    outcome = run(a_job(image.add("each", EACH)))

    assert outcome.status == "Completed", outcome.failure_reason
    hosts = ["algo-1", "algo-2", "algo-3"]
    assert outcome.exit_message == "".join(f"{host} kept its rows. " for host in hosts)
    seen = [json.loads(aws.objects[f"s3://data/clean/{host}.json"]) for host in hosts]
    assert [one["resources"]["current_host"] for one in seen] == hosts
    assert all(one["resources"]["hosts"] == hosts for one in seen)
    sharded = [[path for path in one["data"] if path.startswith("own/")] for one in seen]
    assert sorted(path for part in sharded for path in part) == [
        f"own/{name}.csv" for name in "abcde"
    ]
    assert {len(part) for part in sharded} == {1, 2}
    assert all("all/x.csv" in one["data"] for one in seen)


def test_an_instance_may_have_no_object_of_a_shard(aws: Any, image: Any) -> None:
    for name in "bcde":
        del aws.objects[f"s3://data/own/{name}.csv"]

    assert run(a_job(image.add("each", EACH), count=2)).status == "Completed"

    alone, none = (
        json.loads(aws.objects[f"s3://data/clean/algo-{n}.json"])["data"] for n in (1, 2)
    )
    assert (alone, none) == (["all/x.csv", "own/a.csv"], ["all/x.csv"])


def test_each_instance_has_a_log_stream(aws: Any, image: Any) -> None:
    run(a_job(image.add("each", EACH), count=2))
    streams = {
        (group, stream.rpartition("-")[0]): lines for (group, stream), lines in aws.logs.items()
    }
    assert streams == {
        ("/aws/sagemaker/ProcessingJobs", "prepare-1/algo-1"): ["algo-1 is done"],
        ("/aws/sagemaker/ProcessingJobs", "prepare-1/algo-2"): ["algo-2 is done"],
    }


def test_one_instance_that_fails_fails_the_job_and_takes_the_others_with_it(
    aws: Any, image: Any
) -> None:
    """Any non-zero exit on any host."""
    script = """
        import json, os, pathlib, sys, time
        base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
        host = json.loads((base / "config/resourceconfig.json").read_text())["current_host"]
        (base / "processing/output" / host).write_text("half")
        if host == "algo-1":
            time.sleep(60)
        sys.exit("the rows of this instance are no numbers")
    """
    began = time.monotonic()

    outcome = run(a_job(image.add("fails", script), count=2))

    assert outcome.status == "Failed"
    assert outcome.failure_reason == (
        "AlgorithmError: exit code: 1, last output: the rows of this instance are no numbers"
    )
    assert [key for key in aws.objects if "clean" in key] == []
    assert time.monotonic() - began < 60, "the other instance was waited for"


def test_a_stop_asks_every_instance_politely(aws: Any, image: Any, stop_when_said: Any) -> None:
    """StopProcessingJob: documented as SIGINT first."""
    script = """
        import json, os, pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which follows
        base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
        host = json.loads((base / "config/resourceconfig.json").read_text())["current_host"]
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            (base / "output/message").write_text(f"{host} was interrupted. ")
    """
    stop = stop_when_said("ready", times=2)

    outcome = run(a_job(image.add("slow", script), count=2), stop)

    assert outcome == ProcessingOutcome(
        status="Stopped", exit_message="algo-1 was interrupted. algo-2 was interrupted. "
    )


def test_messages_of_many_instances_are_cut_together(aws: Any, image: Any) -> None:
    script = """
        import os, pathlib
        path = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "output/message"
        path.write_text("m" * 600)
    """
    message = run(a_job(image.add("says", script), count=2)).exit_message
    assert message == "m" * 1024
