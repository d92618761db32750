"""The second half of `make local`: data in, a model out, every kind of endpoint answers."""

from __future__ import annotations

import json
import statistics
from datetime import UTC, datetime
from typing import Any

from ops import activity, aws, batch, endpoints, executions, follow, training, upload
from ops import approve as approval
from ops.errors import OpsError
from ops.local import sample
from ops.local.context import Run
from ops.settings import dataset_name
from ops.ui import Step

LATENCY_CALLS = 20  # enough for a median that does not jump; below a second at 10 ms a call


def ingest(run: Run) -> None:
    """The sample lies in the raw bucket and Ingest has published a dataset version from it."""
    name = dataset_name(run.deployment.env)
    if run.sample is None:
        with run.screen.step("make the sample data") as step:
            run.sample = sample.make(name, run.where.samples, rows=run.rows)
            step.what = f"{run.sample.name}, {run.sample.stat().st_size / 1e6:.1f} MB"
    with run.screen.step("upload and Ingest") as step:
        run.ingested = upload.upload(run.deployment, name, run.sample, say=step.note)
        step.what = str(run.ingested)


def train(run: Run) -> None:
    """A model of this dataset version is registered; unchanged data keeps its model."""
    found = run.ingested
    assert found is not None  # noqa: S101 ingest runs before
    with run.screen.step("PreprocessAndTrain") as step:
        group = approval.group_of(run.deployment)
        if found.status == "unchanged":
            known = _package_of(group, found.version)
            if known is not None:
                run.package = known
                step.what = (
                    f"data unchanged: model version {known['ModelPackageVersion']} "
                    f"({known['ModelApprovalStatus']}) stays"
                )
                return
        output = _train_now(run, found, step)
        described = training.describe(str(output["training_job"])) or {}
        package: dict[str, Any] = aws.client("sagemaker").describe_model_package(
            ModelPackageName=output["model_package"]
        )
        run.package = package
        measured = training.metrics(described)
        told = ", ".join(
            f"{k}={v:.4f}" for k, v in sorted(measured.items()) if k.startswith("test:")
        )
        step.what = (
            f"model version {package['ModelPackageVersion']}, {told or 'no test metric'}, "
            f"job {output['training_job']} ran {training.seconds(described):.0f} s"
        )


def _package_of(group: str, version: str) -> dict[str, Any] | None:
    """The newest usable model package trained on a dataset version."""
    for package in training.packages(group):
        if package.get("ModelApprovalStatus") == "Rejected":
            continue
        described: dict[str, Any] = aws.client("sagemaker").describe_model_package(
            ModelPackageName=package["ModelPackageArn"]
        )
        metadata = described.get("CustomerMetadataProperties") or {}
        if metadata.get("version") == version:
            return described
    return None


def _train_now(run: Run, found: upload.Ingested, step: Step) -> dict[str, Any]:
    """The manifest's execution has succeeded; returns its output: job, model package, metrics."""
    machine = aws.published(run.deployment, "training/state-machine-arn")
    manifest = found.manifest
    fresh = found.status == "published"
    execution = executions.find(
        machine,
        lambda payload: manifest["key"] in json.dumps(payload),
        since=found.uploaded - upload.CLOCK_SKEW if fresh else None,
        patience=60 if fresh else 0,
    )
    if execution is None and fresh:
        raise OpsError(
            f"{manifest['uri']} is published, but PreprocessAndTrain did not start within a minute",
            fix="look at the rule and its dead-letter queue of the training stack",
        )
    if execution is None or (execution.failed and not fresh):
        # An interrupted run left a dataset without a model: ask as the event would have.
        step.note("data unchanged but never trained on: starting the training again")
        arn = aws.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(_event(manifest))
        )["executionArn"]
    else:
        arn = execution.arn
    watch = training.Watch(
        manifest["uri"].removesuffix("manifest.json"),
        since=found.uploaded - upload.CLOCK_SKEW,
        on_status=lambda text: step.line("training job", text, _state(text)),
        on_metric=lambda name, value: step.line(name, f"{value:.4f}", "done"),
    )
    execution = executions.finish(arn, while_waiting=watch.look)
    if execution.failed:
        raise executions.failure(execution, what="PreprocessAndTrain")
    watch.look()
    output = execution.output
    if not isinstance(output, dict) or not {"training_job", "model_package"} <= output.keys():
        raise OpsError(f"PreprocessAndTrain names no training job and model package: {output}")
    return output


def _state(status: str) -> str:
    """How a training job's secondary status is marked."""
    return {"Completed": "done", "Failed": "failed", "Stopped": "failed"}.get(status, "running")


def _event(manifest: dict[str, str]) -> dict[str, Any]:
    """The event S3 sends when a manifest is written, as far as the state machine reads it."""
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {"bucket": {"name": manifest["bucket"]}, "object": {"key": manifest["key"]}},
    }


def approve(run: Run) -> None:
    """The model is approved and every stack that follows its group serves it."""
    package = run.package
    assert package is not None  # noqa: S101 train runs before
    with run.screen.step("approve and update the stacks") as step:
        approval.approve(package)
        stacks = approval.followers(str(package["ModelPackageGroupName"]))
        if not stacks:
            raise OpsError(f"no stack follows {package['ModelPackageGroupName']}")

        rolled = approval.promote(
            str(package["ModelPackageArn"]),
            stacks,
            on_event=lambda stack, event: follow.show(step, stack, event),
        )
        if fault := approval.faults(rolled):
            raise fault
        changed = sum(r.changed for r in rolled)
        step.what = f"model version {package['ModelPackageVersion']}: {changed} stacks updated"
        step.what += f", {len(rolled) - changed} had it" if changed < len(rolled) else ""


def _asked(endpoint: endpoints.Endpoint, body: bytes) -> str:
    """What the endpoint answered to a few calls, and how quickly."""
    calls = 3 if endpoint.kind == "async" else LATENCY_CALLS
    answers = [
        endpoints.ask(endpoint, body, content_type="text/csv", accept="application/json")
        for _ in range(calls)
    ]
    p50 = statistics.median(a.milliseconds for a in answers)
    return (
        f"{endpoint.asked} ({endpoint.kind}): {endpoints.first_prediction(answers[0])}, "
        f"p50 {p50:.1f} ms over {calls} calls"
    )


def predict(run: Run) -> None:
    """Each endpoint and batch transform have answered for rows of the real sample."""
    assert run.sample is not None  # noqa: S101 ingest runs before
    assert run.ingested is not None  # noqa: S101 ingest runs before
    requests = sample.requests(run.sample, run.ingested.manifest, run.where.samples)
    run.endpoints = {
        short: name
        for short, name in aws.published_under(run.deployment, "endpoints").items()
        if activity.is_active(run.deployment, short)
    }
    body = requests.csv.read_bytes()
    for short in run.endpoints:
        for endpoint in endpoints.askable(run.deployment, short):
            with run.screen.step(
                f"ask {endpoint.asked.removeprefix(f'{run.deployment.prefix}-')}"
            ) as step:
                step.what = _asked(endpoint, body)
    with run.screen.step("batch transform") as step:
        done = batch.transform(run.deployment, requests.batch, say=step.note)
        step.what = f"{done.rows:,} rows to {done.output}: first {done.first}"
