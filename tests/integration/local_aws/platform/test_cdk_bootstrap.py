"""The CDK CLI's own bootstrap, and an asset published by the role it makes."""

import subprocess
from pathlib import Path

import pytest
from support.local_aws_server import ACCOUNT, REGION, ServerFactory


@pytest.mark.parametrize("enforce", [False, True], ids=["open", "enforcing"])
def test_bootstraps_with_the_real_cli(
    local_aws_server: ServerFactory, tmp_path: Path, enforce: bool
) -> None:
    aws = local_aws_server(enforce=enforce)

    done = subprocess.run(
        ["cdk", "bootstrap", f"aws://{ACCOUNT}/{REGION}"],
        cwd=tmp_path,
        env=aws.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    publisher = aws.as_role(
        f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-file-publishing-role-{ACCOUNT}-{REGION}"
    )
    publisher.client("s3").put_object(Bucket=bucket, Key="asset.zip", Body=b"zip")
    assert aws.client("s3").get_object(Bucket=bucket, Key="asset.zip")["Body"].read() == b"zip"
