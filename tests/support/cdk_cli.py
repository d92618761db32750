"""The real CDK CLI, run against a local AWS."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.local_aws_server import ACCOUNT, REGION, LocalAws

SECONDS = 240
_END_SECONDS = 30


def cdk(
    aws: LocalAws, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What the CLI said and how it ended; it works in `folder`.

    It has a session of its own: `cdk` starts others that keep its pipes open, and all must end.
    """
    process = subprocess.Popen(
        ["cdk", *arguments],
        cwd=folder,
        env={**aws.environment(), "CDK_VALIDATION": "false", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, errors = process.communicate(timeout=SECONDS)
    except BaseException as ended:
        os.killpg(process.pid, signal.SIGKILL)
        said, errors = process.communicate(timeout=_END_SECONDS)
        if isinstance(ended, subprocess.TimeoutExpired):
            raise TimeoutError(f"{process.args} took {SECONDS} s: {said}{errors}") from ended
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, said, errors)


def bootstrap(aws: LocalAws, folder: Path) -> None:
    """The account has what the CDK needs."""
    done = cdk(aws, folder, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
    assert done.returncode == 0, done.stderr


def app(script: Path) -> str:
    """The `--app` of a script."""
    return f"python {script}"
