"""A stack of an asynchronous endpoint on a local AWS that enforces IAM: asleep, awake, stopped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import cdk_cli, small_model
from support.local_aws_server import LocalAws
from support.policies import wait_for

pytestmark = pytest.mark.timeout(300)
BUCKET = "sleepy-artifacts"
TARGET = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/sleepy/variant/primary"}


@dataclass(frozen=True, kw_only=True)
class Deployment:
    aws: LocalAws
    folder: Path
    run_at: str

    def deploy(self, instance_type: str, **environment: str) -> subprocess.CompletedProcess[str]:
        script = cdk_cli.app(Path(__file__).with_name("app.py"))
        given = ["--app", script, "--require-approval", "never", "--output", "cdk.out"]
        given += ["--parameters", f"sleepy:InstanceType={instance_type}"]
        environment["RUN_AT"] = self.run_at
        return cdk_cli.cdk(self.aws, self.folder, "deploy", *given, environment=environment)

    def variant(self) -> dict[str, Any]:
        sagemaker = self.aws.client("sagemaker")
        return dict(sagemaker.describe_endpoint(EndpointName="sleepy")["ProductionVariants"][0])

    def instance_type(self) -> str:
        sagemaker = self.aws.client("sagemaker")
        name = sagemaker.describe_endpoint(EndpointName="sleepy")["EndpointConfigName"]
        config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
        return str(config["ProductionVariants"][0]["InstanceType"])

    def policies(self) -> set[str]:
        found = self.aws.client("application-autoscaling").describe_scaling_policies(**TARGET)
        return {one["PolicyName"] for one in found["ScalingPolicies"]}

    def stack(self) -> dict[str, Any]:
        found = self.aws.client("cloudformation").describe_stacks(StackName="sleepy")
        return dict(found["Stacks"][0])

    def faults(self) -> list[str]:
        """What failed in the stack so far, and why, the last first."""
        found = self.aws.client("cloudformation").describe_stack_events(StackName="sleepy")
        return [
            f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}"
            for one in found["StackEvents"]
            if one["ResourceStatus"].endswith("FAILED")
        ]

    def endpoints(self) -> list[str]:
        found = self.aws.client("sagemaker").list_endpoints()["Endpoints"]
        return [one["EndpointName"] for one in found]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("sleepy")
    with LocalAws.started(folder / "aws", enforce=True, time_factor=60) as aws:
        soon = datetime.now(UTC) + timedelta(seconds=20)
        made = Deployment(aws=aws, folder=folder, run_at=f"{soon:%Y-%m-%dT%H:%M:%S}")
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        archive = small_model.model_archive(folder)
        s3.upload_file(str(archive), BUCKET, "good/model.tar.gz")
        s3.put_object(Bucket=BUCKET, Key="async/input/a.csv", Body=b"0.1,0.2,0.3\n")
        s3.put_object(Bucket=BUCKET, Key="async/input/bad.png", Body=b"a picture")
        s3.put_object(Bucket=BUCKET, Key="batch/in/a.csv", Body=b"0.1,0.2,0.3\n")
        s3.put_object(Bucket=BUCKET, Key="batch/in/b.csv", Body=b"0.9,0.2,0.3\n" * 2)
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        cdk_cli.bootstrap(aws, folder)
        deployed = made.deploy("ml.m5.large")
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        yield made


def test_it_is_registered_with_policies_and_schedules(deployment: Deployment) -> None:
    """contracts 5.6, and Application Auto Scaling's own model for the scheduled action."""
    assert deployment.policies() == {"sleepy-backlog", "sleepy-wake-from-zero"}
    scaling = deployment.aws.client("application-autoscaling")
    [night] = scaling.describe_scheduled_actions(**TARGET)["ScheduledActions"]
    assert (night["Schedule"], night["Timezone"]) == ("cron(0 20 ? * * *)", "Europe/Berlin")
    assert night["ScalableTargetAction"] == {"MinCapacity": 0, "MaxCapacity": 1}


def test_it_falls_asleep_wakes_on_a_request_and_falls_asleep_again(deployment: Deployment) -> None:
    """contracts 5.6: without HasBacklogWithoutCapacity nothing would leave zero."""
    aws = deployment.aws
    wait_for(lambda: deployment.variant()["DesiredInstanceCount"], lambda n: n == 0, seconds=90)
    answer = _ask(deployment, "a.csv", "text/csv")
    _ask(deployment, "bad.png", "image/png")
    key = answer["OutputLocation"].removeprefix(f"s3://{BUCKET}/")
    listed: Callable[[], Any] = lambda: aws.client("s3").list_objects_v2(  # noqa: E731
        Bucket=BUCKET, Prefix=key
    )
    wait_for(listed, lambda found: found["KeyCount"] == 1, seconds=90)
    assert deployment.variant()["DesiredInstanceCount"] == 1
    wait_for(lambda: deployment.variant()["DesiredInstanceCount"], lambda n: n == 0, seconds=90)


def test_results_and_errors_wait_in_their_queues(deployment: Deployment) -> None:
    """contracts 5.3: what the service writes to the two topics, delivered raw."""
    good = _taken(deployment, "SuccessQueue")
    assert good["requestParameters"]["inputLocation"].endswith("/async/input/a.csv")
    assert good["responseParameters"]["outputLocation"].startswith(f"s3://{BUCKET}/async/output/")
    bad = _taken(deployment, "ErrorQueue")
    assert bad["requestParameters"]["inputLocation"].endswith("/async/input/bad.png")
    assert (good["invocationStatus"], bad["invocationStatus"]) == ("Completed", "Failed")
    assert "client error (415)" in bad["failureReason"]


def test_a_batch_is_started_by_the_clock_and_by_a_manifest(deployment: Deployment) -> None:
    """Scheduler's at(...), and S3's event of an object under the manifests' prefix."""
    s3, states = deployment.aws.client("s3"), deployment.aws.client("stepfunctions")
    listed = [{"prefix": f"s3://{BUCKET}/batch/in/"}, "b.csv"]
    s3.put_object(Bucket=BUCKET, Key="batch/manifests/one.json", Body=json.dumps(listed).encode())
    machine = _machine(deployment, "Batch")

    def runs() -> list[dict[str, Any]]:
        found = states.list_executions(stateMachineArn=machine)["executions"]
        return [states.describe_execution(executionArn=one["executionArn"]) for one in found]

    done = wait_for(
        runs,
        lambda found: len(found) == 2 and all(one["status"] != "RUNNING" for one in found),
        seconds=120,
    )
    failed = [one["cause"] for one in done if one["status"] != "SUCCEEDED"]
    assert not failed, "\n".join(failed)
    outputs = [json.loads(one["output"]) for one in done]
    assert {one["input"] for one in outputs} == {
        f"s3://{BUCKET}/batch/in/",
        f"s3://{BUCKET}/batch/manifests/one.json",
    }
    by_clock = next(one for one in done if "by the clock" in one["input"])
    assert json.loads(by_clock["output"])["input"] == f"s3://{BUCKET}/batch/in/"
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix="batch/out/")["Contents"]
    written = {one["Key"].rsplit("/", 1)[-1] for one in found}
    assert written >= {"a.csv.out", "b.csv.out", "summary.json"}


def test_it_scales_again_after_a_stack_that_failed_behind_the_endpoint(
    deployment: Deployment,
) -> None:
    """`Target` is not called in such a rollback: the rule on the endpoint's state is."""
    failed = deployment.deploy("ml.m5.xlarge", FAIL_AFTER_THE_ENDPOINT="1")
    assert failed.returncode != 0
    status = deployment.stack()["StackStatus"]
    assert status == "UPDATE_ROLLBACK_COMPLETE", "\n".join(deployment.faults())
    assert deployment.instance_type() == "ml.m5.large"
    wait_for(deployment.policies, lambda names: len(names) == 2, seconds=30)


def test_the_clock_stops_it_and_starts_it_and_tells_when_it_cannot(deployment: Deployment) -> None:
    stopped = _execute(deployment, {"active": "false"})
    assert stopped["status"] == "SUCCEEDED", stopped
    assert deployment.endpoints() == []
    assert deployment.stack()["StackStatus"] == "UPDATE_COMPLETE"
    values = {p["ParameterKey"]: p["ParameterValue"] for p in deployment.stack()["Parameters"]}
    assert (values["Active"], values["InstanceType"]) == ("false", "ml.m5.large")
    assert _execute(deployment, {"active": "false"})["status"] == "SUCCEEDED"
    s3, key = deployment.aws.client("s3"), "good/model.tar.gz"
    s3.copy_object(Bucket=BUCKET, Key="kept", CopySource=f"{BUCKET}/{key}")
    s3.delete_object(Bucket=BUCKET, Key=key)
    failed = _execute(deployment, {"active": "true"})
    assert (failed["status"], failed["error"]) == ("FAILED", "Stack is UPDATE_ROLLBACK_COMPLETE")
    assert deployment.stack()["StackId"] in failed["cause"], "where to read more"
    s3.copy_object(Bucket=BUCKET, Key=key, CopySource=f"{BUCKET}/kept")
    started = _execute(deployment, {"active": "true"})
    assert started["status"] == "SUCCEEDED", started
    assert deployment.endpoints() == ["sleepy"]
    assert deployment.policies() == {"sleepy-backlog", "sleepy-wake-from-zero"}


def test_a_stop_that_the_stack_refuses_is_told(deployment: Deployment) -> None:
    failed = _execute(deployment, {"active": "maybe"})
    assert failed["status"] == "FAILED"
    assert failed["error"].startswith("CloudFormation.")
    states = deployment.aws.client("stepfunctions")
    history = states.get_execution_history(executionArn=failed["executionArn"])["events"]
    entered = [e["stateEnteredEventDetails"]["name"] for e in history if "stateEntered" in str(e)]
    assert entered[-2:] == ["Tell", "Failed"]


def test_the_schedules_start_the_machine(deployment: Deployment) -> None:
    scheduler = deployment.aws.client("scheduler")
    found = [
        scheduler.get_schedule(Name=one["Name"])
        for one in scheduler.list_schedules()["Schedules"]
        if "Hours" in one["Name"]
    ]
    assert {one["Target"]["Input"] for one in found} == {
        '{"active": "false"}',
        '{"active": "true"}',
    }
    assert {one["Target"]["Arn"] for one in found} == {_machine(deployment, "Hours")}


def _machine(deployment: Deployment, part: str) -> str:
    machines = deployment.aws.client("stepfunctions").list_state_machines()["stateMachines"]
    [machine] = (one for one in machines if part in one["name"])
    return str(machine["stateMachineArn"])


def _ask(deployment: Deployment, name: str, content_type: str) -> dict[str, Any]:
    runtime = deployment.aws.client("sagemaker-runtime")
    asked = runtime.invoke_endpoint_async(
        EndpointName="sleepy",
        ContentType=content_type,
        InputLocation=f"s3://{BUCKET}/async/input/{name}",
    )
    return dict(asked)


def _taken(deployment: Deployment, queue: str) -> dict[str, Any]:
    """The first message of the queue that is not a notification of the endpoint's making."""
    sqs = deployment.aws.client("sqs")
    [url] = (one for one in sqs.list_queues()["QueueUrls"] if queue in one)
    seen: list[dict[str, Any]] = []

    def look() -> list[dict[str, Any]]:
        for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            body = json.loads(one["Body"])
            seen.extend([body] if "invocationStatus" in body else [])
        return seen

    return dict(wait_for(look, bool, seconds=90)[0])


def _execute(deployment: Deployment, given: dict[str, str]) -> dict[str, Any]:
    states = deployment.aws.client("stepfunctions")
    arn = states.start_execution(
        stateMachineArn=_machine(deployment, "Hours"), input=json.dumps(given)
    )["executionArn"]
    return dict(
        wait_for(
            lambda: states.describe_execution(executionArn=arn),
            lambda found: found["status"] != "RUNNING",
            seconds=120,
        )
    )
