"""The project's own images, built and run by a real engine: `make test-images`."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import leftovers
from support import sagemaker_on_local_aws as local
from support.local_aws_server import REPOSITORY, LocalAws

from local_aws.runtime.engine import cleanup
from sagemaker_workflow.build_context import build_context_hash

BUILD_SECONDS = 900  # of both images on a slow network
pytestmark = [pytest.mark.images, pytest.mark.timeout(BUILD_SECONDS + 300)]


@pytest.fixture(scope="module")
def aws(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server that runs custom images under the engine."""
    with (
        LocalAws.started(
            tmp_path_factory.mktemp("aws"),
            enforce=True,
            time_factor=10,
            environment={"LOCAL_AWS_ENGINE": engine},
        ) as server,
        leftovers.no_server(server.process),
    ):
        yield server
    assert _containers(engine, server) == []


def _containers(engine: str, server: LocalAws) -> list[str]:
    """All of this server's, running or not; a developer may have a server of their own."""
    label = cleanup.label(server.state)
    command = [engine, "ps", "--all", "--quiet", "--filter", f"label={label}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _ours(engine: str, name: str) -> list[dict[str, Any]]:
    """What the engine says about the containers whose name holds `name`."""
    listed = subprocess.run(
        [engine, "ps", "--quiet", "--filter", f"name={name}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if not listed:
        return []
    told = subprocess.run(
        [engine, "inspect", *listed], capture_output=True, text=True, check=True
    ).stdout
    found: list[dict[str, Any]] = json.loads(told)
    return found


def _image(aws: LocalAws, container: str) -> str:
    context = build_context_hash(REPOSITORY / "containers" / container)
    return local.image(aws, container, container, context_hash=context)


@pytest.fixture(scope="module")
def role(aws: LocalAws) -> str:
    return local.role(aws, "execution", local.ROLE_POLICY)


@pytest.fixture(scope="module")
def trained(aws: LocalAws, role: str) -> dict[str, Any]:
    """A training job that ran in the trainer's image."""
    sagemaker = aws.client("sagemaker")
    sagemaker.create_training_job(
        **_training_job("flights", role, _image(aws, "trainer"), aws, num_round="5")
    )
    return local.wait_for(
        lambda: sagemaker.describe_training_job(TrainingJobName="flights"),
        "TrainingJobStatus",
        seconds=BUILD_SECONDS,
    )


def _training_job(
    name: str, role: str, image: str, aws: LocalAws, **hyperparameters: str
) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "test:auc", "Regex": "metric test:auc=([0-9.eE+-]+)"}],
        },
        "InputDataConfig": local.channels(local.dataset(aws, f"toy-{name}")),
        "OutputDataConfig": {"S3OutputPath": f"s3://toy-{name}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 5,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "HyperParameters": hyperparameters,
        "EnableNetworkIsolation": True,
    }


def test_a_training_job_runs_in_the_trainers_image(aws: LocalAws, trained: dict[str, Any]) -> None:
    assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
    assert {metric["MetricName"] for metric in trained["FinalMetricDataList"]} == {"test:auc"}
    logs = aws.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert any("metric test:auc" in event["message"] for event in events)


def test_what_is_not_our_engines_fails_as_before(aws: LocalAws, role: str, engine: str) -> None:
    """A managed image without a stand-in is refused with an engine as without one."""
    sagemaker = aws.client("sagemaker")
    image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312"
    sagemaker.create_training_job(**_training_job("managed", role, image, aws))
    job = local.wait_for(
        lambda: sagemaker.describe_training_job(TrainingJobName="managed"), "TrainingJobStatus"
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert "no stand-in for the AWS image pytorch-training" in job["FailureReason"]


@pytest.fixture(scope="module")
def endpoint(aws: LocalAws, role: str, trained: dict[str, Any]) -> str:
    """An endpoint whose two containers are real ones."""
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(
        ModelName="model",
        ExecutionRoleArn=role,
        PrimaryContainer={
            "Image": _image(aws, "inference_server"),
            "ModelDataUrl": trained["ModelArtifacts"]["S3ModelArtifacts"],
        },
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="config",
        ProductionVariants=[
            {
                "VariantName": "primary",
                "ModelName": "model",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 2,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName="flights", EndpointConfigName="config")
    made = local.wait_for(
        lambda: sagemaker.describe_endpoint(EndpointName="flights"),
        "EndpointStatus",
        seconds=BUILD_SECONDS,
    )
    assert made["EndpointStatus"] == "InService", made.get("FailureReason")
    return "flights"


def _ask(aws: LocalAws, endpoint: str) -> Any:
    answer = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Body=b"12.5,4\n"
    )
    return json.loads(answer["Body"].read())["predictions"][0]


def test_an_endpoint_answers_from_two_real_containers(
    aws: LocalAws, endpoint: str, engine: str
) -> None:
    assert _ask(aws, endpoint)["label"] == "1"
    found = _ours(engine, "flights-primary")
    assert len(found) == 2
    for one in found:
        model = next(m for m in one["Mounts"] if m["Destination"] == "/opt/ml/model")
        assert model["RW"] is False


def test_secrets_are_not_on_any_command_line(aws: LocalAws, endpoint: str) -> None:
    listing = subprocess.run(
        ["ps", "-axwwo", "args="], capture_output=True, text=True, check=True
    ).stdout
    clients = [line for line in listing.splitlines() if "flights-primary" in line]
    assert clients
    assert not any("SECRET" in line or "TOKEN" in line for line in clients)


def test_a_container_that_is_killed_is_replaced(
    aws: LocalAws, endpoint: str, engine: str, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    before = {one["Name"] for one in _ours(engine, "flights-primary")}
    victim = min(before)
    subprocess.run([engine, "kill", victim.lstrip("/")], check=True, capture_output=True)

    def replaced() -> bool:
        now = {one["Name"] for one in _ours(engine, "flights-primary")}
        return len(now) == 2 and victim not in now

    eventually(replaced)
    assert _ask(aws, endpoint)["label"] == "1"


def test_a_batch_is_transformed_by_a_real_container(aws: LocalAws, endpoint: str) -> None:
    aws.client("s3").put_object(
        Bucket="toy-flights", Key="batch/in/rows.csv", Body=b"1.5,2\n12.25,3\n"
    )
    sagemaker = aws.client("sagemaker")
    sagemaker.create_transform_job(
        TransformJobName="batch",
        ModelName="model",
        TransformInput={
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://toy-flights/batch/in/"}
            },
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={
            "S3OutputPath": "s3://toy-flights/batch/out/",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    job = local.wait_for(
        lambda: sagemaker.describe_transform_job(TransformJobName="batch"), "TransformJobStatus"
    )
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    body = aws.client("s3").get_object(Bucket="toy-flights", Key="batch/out/rows.csv.out")["Body"]
    assert [line.split(",")[0] for line in body.read().decode().splitlines()] == ["0", "1"]


def test_stopping_a_job_stops_its_container(
    aws: LocalAws,
    role: str,
    trained: dict[str, Any],
    engine: str,
    eventually: Callable[[Callable[[], Any]], Any],
) -> None:
    """contracts 1.5: SIGTERM reaches the trainer, which keeps what it has."""
    sagemaker = aws.client("sagemaker")
    image = trained["AlgorithmSpecification"]["TrainingImage"]
    sagemaker.create_training_job(
        **_training_job("long", role, image, aws, num_round="100000", early_stopping_rounds="0")
    )
    eventually(lambda: _ours(engine, "-long-"))
    time.sleep(2)  # it has to have a first tree to keep
    sagemaker.stop_training_job(TrainingJobName="long")
    job = local.wait_for(
        lambda: sagemaker.describe_training_job(TrainingJobName="long"), "TrainingJobStatus"
    )
    assert job["TrainingJobStatus"] == "Stopped", job.get("FailureReason")
    assert _ours(engine, "-long-") == []


def test_nothing_runs_when_the_server_was_killed(
    aws: LocalAws, endpoint: str, engine: str, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    """Last, for it ends the server of this module; no signal handler gets a say."""
    assert _ours(engine, "flights-primary")
    aws.process.send_signal(signal.SIGKILL)
    aws.process.wait(timeout=30)
    eventually(lambda: not _containers(engine, aws))


def test_a_server_stops_its_containers(
    engine: str, tmp_path: Path, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    """A server of its own: SIGTERM in the middle of a job."""
    with LocalAws.started(
        tmp_path, time_factor=10, environment={"LOCAL_AWS_ENGINE": engine}
    ) as aws:
        role = local.role(aws, "execution", local.ROLE_POLICY)
        job = _training_job("mine", role, _image(aws, "trainer"), aws, num_round="100000")
        with leftovers.no_server(aws.process):
            aws.client("sagemaker").create_training_job(**job)
            eventually(lambda: _ours(engine, "-mine-"))
    assert _ours(engine, "-mine-") == []
