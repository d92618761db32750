"""Training jobs run real processes under the contract of contracts.md section 1."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from typing import Any

import pytest

from local_aws.runtime.training import TrainingOutcome, run_training_job

ROLE = "arn:aws:iam::222233334444:role/execution"

TRAINER = """
    import json, os, pathlib, sys
    assert sys.argv[1:] == ["train"], sys.argv
    base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
    config = {p.stem: json.loads(p.read_text()) for p in (base / "input/config").iterdir()}
    data = {p.relative_to(base).as_posix(): p.read_text()
            for p in (base / "input/data").rglob("*") if p.is_file()}
    print("metric test:auc=0.5")
    print("metric test:auc=0.81", file=sys.stderr)
    (base / "model/model.json").write_text(json.dumps(
        {"config": config, "data": data, "env": dict(os.environ), "cwd": os.getcwd()}))
    (base / "output/data/evaluation.json").write_text("{}")
"""


def a_job(image: str, **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": "job-1",
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:222233334444:training-job/job-1",
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "test:auc", "Regex": "metric test:auc=([0-9.]+)"}],
        },
        "RoleArn": ROLE,
        "HyperParameters": {"num_round": "5", "code": "/opt/ml/input/data/code/x.tar.gz"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": "s3://data/v1/train/",
                        "S3DataDistributionType": "ShardedByS3Key",
                    }
                },
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/models/", "KmsKeyId": "key-1"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.xlarge",
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "Environment": {"SAGEMAKER_PROGRAM": "train.py"},
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
    aws.objects["s3://data/v1/train/train.csv"] = b"1,2\n"
    aws.objects["s3://data/v1/train/more/a.csv"] = b"3,4\n"
    aws.objects["s3://data/v1/train/more/b.csv"] = b"5,6\n"


def archive(aws: Any, uri: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(aws.objects[uri])) as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]


def seen_by_the_container(aws: Any) -> dict[str, Any]:
    content = archive(aws, "s3://artifacts/models/job-1/output/model.tar.gz")["model.json"]
    seen: dict[str, Any] = json.loads(content)
    return seen


def test_a_container_that_exits_0_completes_the_job(aws: Any, image: Any, data: None) -> None:
    """Contracts 1.5: the artifacts' names, and the secondary statuses in order."""
    outcome, steps = run(a_job(image.add("trainer", TRAINER)))

    assert (outcome.status, outcome.failure_reason) == ("Completed", None)
    assert steps == ["Starting", "Downloading", "Training", "Uploading"]
    assert outcome.secondary_status == "Completed"
    assert outcome.model_artifacts == "s3://artifacts/models/job-1/output/model.tar.gz"
    assert list(archive(aws, "s3://artifacts/models/job-1/output/output.tar.gz")) == [
        "evaluation.json"
    ]
    assert outcome.billable_seconds >= 1
    assert aws.roles_used == {ROLE}
    arguments = aws.object_arguments[outcome.model_artifacts]
    assert arguments == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key-1"}


def test_the_container_finds_the_contracts_files(aws: Any, image: Any, data: None) -> None:
    """Contracts 1.2: three config files with the documented keys, relative keys kept."""
    run(a_job(image.add("trainer", TRAINER)))

    seen = seen_by_the_container(aws)
    assert seen["data"] == {
        "input/data/train/train.csv": "1,2\n",
        "input/data/train/more/a.csv": "3,4\n",
        "input/data/train/more/b.csv": "5,6\n",
    }
    assert seen["config"]["inputdataconfig"] == {
        "train": {
            "TrainingInputMode": "File",
            "S3DistributionType": "ShardedByS3Key",
            "RecordWrapperType": "None",
            "ContentType": "text/csv",
        }
    }
    assert seen["config"]["hyperparameters"] == {
        "num_round": "5",
        "code": seen["env"]["SAGEMAKER_BASE_DIR"] + "/input/data/code/x.tar.gz",
    }
    resources = seen["config"]["resourceconfig"]
    assert resources["current_host"] == "algo-1"
    assert resources["hosts"] == ["algo-1"]
    assert resources["current_instance_type"] == "ml.m5.xlarge"
    assert resources["instance_groups"][0]["hosts"] == ["algo-1"]


def test_the_container_gets_the_roles_credentials_and_nothing_of_ours(
    aws: Any, image: Any, data: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("PYTHONSTARTUP", "mine.py")
    monkeypatch.setenv("MY_SECRET", "mine")
    run(a_job(image.add("trainer", TRAINER)))

    env = seen_by_the_container(aws)["env"]
    assert env["AWS_ACCESS_KEY_ID"] == "ASIAROLE"
    assert env["AWS_ENDPOINT_URL"] == env["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:1"
    assert env["AWS_REGION"] == "us-east-1"
    assert env["TRAINING_JOB_NAME"] == "job-1"
    assert env["SAGEMAKER_PROGRAM"] == "train.py"
    assert not {"AWS_PROFILE", "PYTHONSTARTUP", "MY_SECRET"} & env.keys()


def test_an_isolated_container_gets_no_credentials(aws: Any, image: Any, data: None) -> None:
    run(a_job(image.add("trainer", TRAINER), EnableNetworkIsolation=True))
    env = seen_by_the_container(aws)["env"]
    assert not {"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"} & env.keys()


def test_metrics_are_read_from_stdout_and_stderr(aws: Any, image: Any, data: None) -> None:
    """Contracts 1.6: the last value is final, every value is published."""
    outcome, _ = run(a_job(image.add("trainer", TRAINER)))

    assert [(m["MetricName"], m["Value"]) for m in outcome.final_metrics] == [("test:auc", 0.81)]
    assert ("/aws/sagemaker/TrainingJobs", "test:auc", 0.5, {"TrainingJobName": "job-1"}) in (
        aws.metrics
    )


def test_output_is_in_cloudwatch_logs(aws: Any, image: Any, data: None) -> None:
    """Contracts 1.6: group, and a stream named after the host."""
    run(a_job(image.add("trainer", TRAINER)))

    ((group, stream), lines), *others = aws.logs.items()
    assert not others
    assert group == "/aws/sagemaker/TrainingJobs"
    assert stream.startswith("job-1/algo-1-")
    assert sorted(lines) == ["metric test:auc=0.5", "metric test:auc=0.81"]


def test_a_role_without_logs_permission_still_trains(aws: Any, image: Any, data: None) -> None:
    aws.denied.add("logs:PutLogEvents")
    outcome, _ = run(a_job(image.add("trainer", TRAINER)))
    assert outcome.status == "Completed"


def test_the_failure_file_becomes_the_reason(aws: Any, image: Any, data: None) -> None:
    """Contracts 1.2: its first 1024 characters."""
    script = """
        import os, pathlib, sys
        failure = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "output/failure"
        failure.write_text("the target has one class" + "." * 2000)
        sys.exit(1)
    """
    outcome, _ = run(a_job(image.add("trainer", script)))
    assert outcome.status == outcome.secondary_status == "Failed"
    assert (outcome.failure_reason or "").startswith("AlgorithmError: the target has one class..")
    assert len(outcome.failure_reason or "") == 1024
    assert outcome.model_artifacts is None


def test_without_a_failure_file_the_reason_has_code_and_output(
    aws: Any, image: Any, data: None
) -> None:
    outcome, _ = run(a_job(image.add("trainer", "raise SystemExit('no such column: late')")))
    assert outcome.failure_reason == (
        "AlgorithmError: exit code: 1, last output: no such column: late"
    )


def test_refuses_a_role_that_may_not_read_the_channel(aws: Any, image: Any, data: None) -> None:
    aws.denied.add("s3:GetObject")
    outcome, steps = run(a_job(image.add("trainer", TRAINER)))
    assert outcome.status == "Failed"
    assert "is not authorized to perform: s3:GetObject" in (outcome.failure_reason or "")
    assert "Training" not in steps


def test_refuses_a_channel_without_objects(aws: Any, image: Any) -> None:
    outcome, _ = run(a_job(image.add("trainer", TRAINER)))
    assert "no S3 objects found under s3://data/v1/train/" in (outcome.failure_reason or "")


def test_refuses_pipe_mode(aws: Any, image: Any, data: None) -> None:
    job = a_job(image.add("trainer", TRAINER))
    job["InputDataConfig"][0]["InputMode"] = "Pipe"
    outcome, _ = run(job)
    assert "input mode Pipe does not run locally" in (outcome.failure_reason or "")


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "expected"),
    [
        (None, None, ["-m", "echo", "train"]),
        (["python", "-m", "echo", "mine"], None, ["-m", "echo", "mine"]),
        (None, ["--fast"], ["-m", "echo", "--fast"]),
        (["python", "-m", "echo"], ["--fast"], ["-m", "echo", "--fast"]),
    ],
)
def test_train_is_added_only_when_the_request_says_nothing(
    aws: Any, image: Any, data: None, entrypoint: Any, arguments: Any, expected: list[str]
) -> None:
    """Contracts 1.1, the four rows of the table."""
    script = """
        import os, pathlib, sys
        model = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "model/argv"
        model.write_text("\\n".join(sys.orig_argv[1:]))
    """
    job = a_job(image.add("echo", script))
    job["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": entrypoint,
        "ContainerArguments": arguments,
    }
    outcome, _ = run(job)
    assert archive(aws, outcome.model_artifacts or "")["argv"].decode().split("\n") == expected


def test_a_script_may_come_from_a_channel(aws: Any, image: Any, data: None) -> None:
    """Contracts 1.1: the entrypoint names /opt/ml/input/data/<channel>/script."""
    aws.objects["s3://data/v1/train/run.py"] = b"print('from a channel')"
    job = a_job(image.add("trainer", TRAINER))
    job["AlgorithmSpecification"]["ContainerEntrypoint"] = [
        "python3",
        "/opt/ml/input/data/train/run.py",
    ]
    (image.root / ".venvs/trainer/bin/python3").symlink_to("python")
    outcome, _ = run(job)
    assert outcome.status == "Completed"
    assert ["from a channel"] in aws.logs.values()


SLOW = """
    import os, pathlib, signal, sys, time
    base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
    def leave(*_):
        (base / "model/stopped").write_text("politely")
        sys.exit(0)
    signal.signal(signal.SIGTERM, leave)
    print("ready", flush=True)
    time.sleep(60)
"""


def test_stop_asks_politely_and_keeps_the_model(
    aws: Any, image: Any, data: None, stop_when_said: Any
) -> None:
    """Contracts 1.5: SIGTERM, then /opt/ml/model is still uploaded."""
    outcome, steps = run(a_job(image.add("slow", SLOW)), stop_when_said("ready"))
    assert (outcome.status, outcome.secondary_status) == ("Stopped", "Stopped")
    assert steps[-2:] == ["Stopping", "Uploading"]
    assert archive(aws, outcome.model_artifacts or "") == {"stopped": b"politely"}


def test_the_time_limit_stops_the_job(aws: Any, image: Any, data: None) -> None:
    job = a_job(image.add("slow", SLOW), StoppingCondition={"MaxRuntimeInSeconds": 1})
    outcome, _ = run(job)
    assert (outcome.status, outcome.secondary_status) == ("Stopped", "MaxRuntimeExceeded")


def test_a_container_that_ignores_sigterm_is_killed(
    aws: Any, image: Any, data: None, stop_when_said: Any
) -> None:
    """Contracts 1.5: SIGKILL after the grace (2 s under this time factor)."""
    script = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(60)
    """
    began = time.monotonic()
    outcome, _ = run(a_job(image.add("deaf", script)), stop_when_said("deaf"))
    assert outcome.status == "Stopped"
    assert 2 <= time.monotonic() - began < 40


def test_uncompressed_output_is_a_prefix(aws: Any, image: Any, data: None) -> None:
    job = a_job(image.add("trainer", TRAINER))
    job["OutputDataConfig"]["CompressionType"] = "NONE"
    outcome, _ = run(job)
    assert outcome.model_artifacts == "s3://artifacts/models/job-1/output/model/"
    assert "s3://artifacts/models/job-1/output/model/model.json" in aws.objects


def test_checkpoints_come_from_s3_and_go_back(aws: Any, image: Any, data: None) -> None:
    """Contracts 1.5: existing objects are copied in, local deletions are propagated."""
    script = """
        import os, pathlib
        folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "checkpoints"
        assert (folder / "epoch-1").read_text() == "one"
        (folder / "epoch-1").unlink()
        (folder / "epoch-2").write_text("two")
    """
    aws.objects["s3://artifacts/checkpoints/epoch-1"] = b"one"
    job = a_job(
        image.add("resumes", script), CheckpointConfig={"S3Uri": "s3://artifacts/checkpoints"}
    )
    outcome, _ = run(job)
    assert outcome.status == "Completed", outcome.failure_reason
    checkpoints = {k: v for k, v in aws.objects.items() if "checkpoints" in k}
    assert checkpoints == {"s3://artifacts/checkpoints/epoch-2": b"two"}
