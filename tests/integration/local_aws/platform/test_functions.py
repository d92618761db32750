"""Lambda functions run as their role, whatever the developer's own environment says."""

import io
import json
import zipfile
from pathlib import Path

from support.local_aws_server import ACCOUNT, LocalAws
from support.policies import document

CODE = """
import os

import boto3


def handler(event, context):
    return {
        "who": boto3.client("sts").get_caller_identity()["Arn"],
        "module path": os.environ.get("PYTHONPATH"),
    }
"""


def test_a_function_reaches_this_server_as_its_own_role(tmp_path: Path) -> None:
    stray = {
        "AWS_PROFILE": "of-the-developer",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }
    with LocalAws.started(tmp_path, enforce=True, environment=stray) as aws:
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        role = aws.client("iam").create_role(
            RoleName="function", AssumeRolePolicyDocument=json.dumps(document(trust))
        )["Role"]["Arn"]
        aws.client("lambda").create_function(
            FunctionName="f",
            Runtime="python3.12",
            Role=role,
            Handler="work.handler",
            Code={"ZipFile": packed(CODE)},
            Timeout=30,
        )
        aws.client("lambda").get_waiter("function_active_v2").wait(FunctionName="f")

        answer = json.loads(aws.client("lambda").invoke(FunctionName="f")["Payload"].read())

    assert answer == {
        "who": f"arn:aws:sts::{ACCOUNT}:assumed-role/function/f",
        "module path": None,
    }


def packed(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("work.py", code)
    return buffer.getvalue()
