"""Processing jobs run real processes as contracts.md section 7 describes."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from local_aws.runtime.processing import ProcessingOutcome, run_processing_job

ROLE = "arn:aws:iam::222233334444:role/execution"

COPY = """
    import json, os, pathlib, sys
    base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
    config = {p.stem: json.loads(p.read_text()) for p in (base / "config").iterdir()}
    files = {p.relative_to(base / "processing").as_posix(): p.read_text()
             for p in (base / "processing").rglob("*") if p.is_file()}
    out = base / "processing/output/nested"
    out.mkdir()
    (out / "seen.json").write_text(json.dumps(
        {"argv": sys.orig_argv[1:], "config": config, "files": files}))
    (base / "output").mkdir(exist_ok=True)
    (base / "output/message").write_text("kept 3 rows")
"""


def a_job(image: str, **changes: Any) -> dict[str, Any]:
    return {
        "ProcessingJobName": "prepare-1",
        "ProcessingJobArn": "arn:aws:sagemaker:us-east-1:222233334444:processing-job/prepare-1",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": image},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.xlarge",
                "VolumeSizeInGB": 10,
            }
        },
        "ProcessingInputs": [
            {
                "InputName": "raw",
                "S3Input": {
                    "S3Uri": "s3://data/raw/a.csv",
                    "LocalPath": "/opt/ml/processing/input",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "clean",
                    "S3Output": {
                        "S3Uri": "s3://data/clean",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        **changes,
    }


def run(job: dict[str, Any], stop: threading.Event | None = None) -> ProcessingOutcome:
    return run_processing_job(job, update=lambda **_: None, stop=stop or threading.Event())


@pytest.fixture(autouse=True)
def raw_data(aws: Any) -> None:
    aws.objects["s3://data/raw/a.csv"] = b"1,2\n"


def seen(aws: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(aws.objects["s3://data/clean/nested/seen.json"])
    return content


def test_inputs_come_and_outputs_go(aws: Any, image: Any) -> None:
    """A single object keeps its base name; the exit message is handed back."""
    outcome = run(a_job(image.add("prepare", COPY)))
    assert outcome == ProcessingOutcome(status="Completed", exit_message="kept 3 rows")
    assert seen(aws)["files"] == {"input/a.csv": "1,2\n"}


def test_the_container_finds_the_request_and_the_hosts(aws: Any, image: Any) -> None:
    """In /opt/ml/config, with nulls for what was not set."""
    run(a_job(image.add("prepare", COPY)))
    config = seen(aws)["config"]
    assert config["processingjobconfig"]["ProcessingJobName"] == "prepare-1"
    assert config["processingjobconfig"]["NetworkConfig"] is None
    assert config["resourceconfig"]["current_host"] == "algo-1"
    assert config["resourceconfig"]["hosts"] == ["algo-1"]


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "expected"),
    [
        (None, None, ["-m", "prepare"]),
        (["python", "-m", "prepare", "mine"], None, ["-m", "prepare", "mine"]),
        (None, ["--fast"], ["-m", "prepare", "--fast"]),
    ],
)
def test_there_is_no_implicit_argument(
    aws: Any, image: Any, entrypoint: Any, arguments: Any, expected: list[str]
) -> None:
    job = a_job(image.add("prepare", COPY))
    job["AppSpecification"] |= {"ContainerEntrypoint": entrypoint, "ContainerArguments": arguments}
    run(job)
    assert seen(aws)["argv"] == expected


def test_a_script_from_an_input_runs(aws: Any, image: Any) -> None:
    job = a_job(image.add("prepare", "raise SystemExit(3)"))
    aws.objects["s3://data/raw/a.csv"] = b"print('from an input')"
    job["AppSpecification"]["ContainerEntrypoint"] = ["python", "/opt/ml/processing/input/a.csv"]
    assert run(job).status == "Completed"
    ((group, stream), lines), *_ = aws.logs.items()
    assert (group, lines) == ("/aws/sagemaker/ProcessingJobs", ["from an input"])
    assert stream.startswith("prepare-1/algo-1-")


def test_any_other_exit_code_fails_the_job(aws: Any, image: Any) -> None:
    outcome = run(a_job(image.add("prepare", "raise SystemExit('no rows left')")))
    assert outcome.status == "Failed"
    assert outcome.failure_reason == "AlgorithmError: exit code: 1, last output: no rows left"
    assert [key for key in aws.objects if "clean" in key] == []


def test_continuous_outputs_keep_what_was_sent(
    aws: Any, image: Any, eventually: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_aws.runtime.uploads.SYNC_SECONDS", 0.1)
    enough = tmp_path / "enough"
    script = f"""
        import os, pathlib, time
        base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
        (base / "processing/output/events").write_text("sent")
        while not os.path.exists({str(enough)!r}):
            time.sleep(0.05)
        raise SystemExit(1)
    """

    def watch() -> None:
        try:
            eventually(lambda: "s3://data/clean/events" in aws.objects)
        finally:
            enough.touch()

    threading.Thread(target=watch, daemon=True).start()
    job = a_job(image.add("prepare", script))
    job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3UploadMode"] = "Continuous"
    assert run(job).status == "Failed"
    assert aws.objects["s3://data/clean/events"] == b"sent"


def test_a_stop_starts_with_sigint(aws: Any, image: Any, stop_when_said: Any) -> None:
    script = """
        import os, pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which follows
        base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            (base / "output/message").write_text("interrupted")
    """
    outcome = run(a_job(image.add("prepare", script)), stop_when_said("ready"))
    assert outcome == ProcessingOutcome(status="Stopped", exit_message="interrupted")


def test_refuses_a_message_that_is_not_text(aws: Any, image: Any) -> None:
    script = """
        import os, pathlib
        path = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "output/message"
        path.write_bytes(b"\\xff\\xfe")
    """
    outcome = run(a_job(image.add("prepare", script)))
    assert outcome.failure_reason == "ClientError: /opt/ml/output/message is not UTF-8 text"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("S3Input", "LocalPath"), "/opt/input", "LocalPath must start with /opt/ml/processing/"),
        (("S3Input", "S3InputMode"), "Pipe", "input mode Pipe does not run locally"),
        (("S3Input", "S3Uri"), "s3://data/none", "no S3 objects found under s3://data/none"),
    ],
)
def test_refuses_an_input_it_cannot_bring(
    aws: Any, image: Any, path: tuple[str, str], value: str, reason: str
) -> None:
    job = a_job(image.add("prepare", COPY))
    job["ProcessingInputs"][0][path[0]][path[1]] = value
    assert reason in (run(job).failure_reason or "")
