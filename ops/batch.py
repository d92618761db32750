"""Batch transform through the workflow's state machine: a file in, predictions out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops import aws, executions
from ops.errors import OpsError
from ops.settings import Deployment


@dataclass(frozen=True, kw_only=True, slots=True)
class Transformed:
    """What a batch transform wrote."""

    output: str
    rows: int
    first: str


def transform(
    deployment: Deployment, file: Path, *, say: Callable[[str], None] = lambda text: None
) -> Transformed:
    """The file's rows have been predicted; the output lies in the artifacts bucket."""
    machine = aws.published(deployment, "batch/state-machine-arn")
    bucket = aws.published(deployment, "storage/artifacts-bucket")
    run = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    source, prefix = f"batch/input/{run}/", f"batch/output/{run}/"
    s3 = aws.client("s3")
    s3.upload_file(str(file), bucket, f"{source}{file.name}")
    arn = aws.client("stepfunctions").start_execution(
        stateMachineArn=machine,
        input=json.dumps({"input": f"s3://{bucket}/{source}", "output": f"s3://{bucket}/{prefix}"}),
    )["executionArn"]
    say(f"execution {arn.rsplit(':', 1)[-1]}")
    execution = executions.finish(arn)
    if execution.failed:
        raise executions.failure(execution, what="batch transform")
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    outs = [o["Key"] for o in found if o["Key"].endswith(".out")]
    if not outs:
        raise OpsError(f"batch transform succeeded but wrote no .out to s3://{bucket}/{prefix}")
    rows, first = 0, ""
    for key in outs:
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        lines = text.splitlines()
        rows += len(lines)
        first = first or (lines[0] if lines else "")
    return Transformed(output=f"s3://{bucket}/{prefix}", rows=rows, first=first[:60])
