"""How long `make local` takes after an install, and what of it is our own code.

`python benchmarks/local_loop.py` starts a local AWS of its own, runs the whole loop twice (the
second run is an update), trains once more on the time-ordered split of the same data, prints two
Markdown tables and stops the AWS. Training arithmetic is what the training container itself says it
spent; the rest is ours, the CDK CLI's and ministack's.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ops import aws, executions, settings, training
from ops.local import server
from ops.local.context import Run
from ops.local.paths import Paths
from ops.local.up import up
from ops.ui import Screen

AIM_SECONDS, AIM_OWN_SECONDS = 180, 45


def main() -> None:
    """Both tables are on the screen and nothing is left running."""
    with tempfile.TemporaryDirectory(prefix="workflow-bench-") as folder:
        where = Paths(home=Path(folder))
        os.environ["WORKFLOW_LOCAL_HOME"] = folder
        try:
            first, second = _run(where, port=_port()), _run(where, port=None)
            job = _training_job(first)
            arithmetic = training.seconds(job)
            _print_stages(first, second, arithmetic)
            _print_splits(_metrics(job), _time_ordered(first))
        finally:
            server.stop(where)


def _run(where: Paths, *, port: int | None) -> Run:
    run = Run(deployment=settings.current(), screen=Screen(), where=where, port=port)
    up(run)
    return run


def _port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _training_job(run: Run) -> dict[str, Any]:
    assert run.package is not None
    metadata = run.package["CustomerMetadataProperties"]
    return training.describe(str(metadata["training_job"])) or {}


def _metrics(job: dict[str, Any]) -> dict[str, float]:
    return {k: v for k, v in training.metrics(job).items() if k.startswith("test:")}


def _print_stages(first: Run, second: Run, arithmetic: float) -> None:
    again = {step.title: step.seconds for step in second.screen.steps}
    total = sum(step.seconds for step in first.screen.steps)
    print("\n| stage | first run, s | second run, s |\n|---|---|---|")
    for step in first.screen.steps:
        print(f"| {step.title} | {step.seconds:.1f} | {again.get(step.title, 0):.1f} |")
    print(f"| **total** (aim: under {AIM_SECONDS}) | {total:.1f} | {sum(again.values()):.1f} |")
    print(f"| of it in the training container | {arithmetic:.1f} | 0.0 |")
    print(f"| **everything else** (aim: under {AIM_OWN_SECONDS}) | {total - arithmetic:.1f} | |")
    print(f"\n{os.cpu_count()} cores, Python {sys.version.split()[0]}\n")


def _time_ordered(run: Run) -> dict[str, float]:
    """Test metrics of a model trained on the past and tested on what came later.

    The deployed function is asked for the same object with another split; its manifest starts
    PreprocessAndTrain as every manifest does.
    """
    machine = aws.published(run.deployment, "preprocessing/state-machine-arn")
    described = aws.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
    task = json.loads(described["definition"])["States"]["Preprocess"]["Arguments"]
    dataset = dict(task["Payload"]["dataset"])
    dataset["split"] = {**dataset["split"], "kind": "time", "by": "time_hour"}
    assert run.ingested is not None
    raw = aws.published(run.deployment, "storage/raw-bucket")
    listed = aws.client("s3").list_objects_v2(Bucket=raw, Prefix=f"{dataset['name']}/")["Contents"]
    head = aws.client("s3").head_object(Bucket=raw, Key=listed[0]["Key"])
    payload = {
        "object": {
            "bucket": raw,
            "key": listed[0]["Key"],
            "etag": head["ETag"].strip('"'),
            "size": head["ContentLength"],
        },
        "dataset": dataset,
        "output": task["Payload"]["output"],
    }
    answer = aws.client("lambda").invoke(
        FunctionName=task["FunctionName"], Payload=json.dumps(payload)
    )
    result = json.load(answer["Payload"])
    assert "FunctionError" not in answer, result
    trainer = aws.published(run.deployment, "training/state-machine-arn")
    key = result["manifest"]["key"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for one in aws.client("stepfunctions").list_executions(stateMachineArn=trainer)[
            "executions"
        ]:
            given = aws.client("stepfunctions").describe_execution(executionArn=one["executionArn"])
            if key in given["input"]:
                done = executions.finish(one["executionArn"], while_waiting=lambda: None)
                assert isinstance(done.output, dict), done
                return _metrics(training.describe(str(done.output["training_job"])) or {})
        time.sleep(0.5)
    raise SystemExit(f"no training started for {key} within a minute")


def _print_splits(random: dict[str, float], ordered: dict[str, float]) -> None:
    print("| test metric | random split | time-ordered split |\n|---|---|---|")
    for name in sorted(random):
        print(f"| {name.removeprefix('test:')} | {random[name]:.4f} | {ordered[name]:.4f} |")


if __name__ == "__main__":
    main()
