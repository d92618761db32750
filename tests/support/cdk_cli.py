"""The real CDK CLI, run against a local AWS."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.local_aws_server import ACCOUNT, REGION, LocalAws

SECONDS = 240


def cdk(
    aws: LocalAws, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What the CLI said and how it ended; it works in `folder`."""
    return subprocess.run(
        ["cdk", *arguments],
        cwd=folder,
        env={**aws.environment(), "CDK_VALIDATION": "false", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def bootstrap(aws: LocalAws, folder: Path) -> None:
    """The account has what the CDK needs."""
    done = cdk(aws, folder, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
    assert done.returncode == 0, done.stderr


def app(script: Path) -> str:
    """The `--app` of a script."""
    return f"python {script}"
