"""One enforcing server with the probe behind its door, shared by the tests of this folder."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.local_aws_server import REPOSITORY, LocalAws, local_aws_server
from support.policies import document, wait_for

__all__ = ["local_aws_server"]

PROBE = REPOSITORY / "tests/support/probe_server.py"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.started(
        tmp_path_factory.mktemp("aws"), enforce=True, time_factor=20, launcher=PROBE
    ) as server:
        yield server


@pytest.fixture
def probe() -> Path:
    return PROBE


@pytest.fixture
def name() -> str:
    """A name no other test uses."""
    return f"t-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def make_role(aws: LocalAws, name: str) -> Callable[..., str]:
    """Make a role a service assumes, allowed exactly the statements given; its ARN."""
    count = 0

    def make(*statements: dict[str, Any], trusts: str = "states.amazonaws.com") -> str:
        nonlocal count
        count += 1
        iam, role = aws.client("iam"), f"{name}-{count}"
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": trusts},
            "Action": "sts:AssumeRole",
        }
        answer = iam.create_role(
            RoleName=role, AssumeRolePolicyDocument=json.dumps(document(trust))
        )
        if statements:
            iam.put_role_policy(
                RoleName=role, PolicyName="p", PolicyDocument=json.dumps(document(*statements))
            )
        return str(answer["Role"]["Arn"])

    return make


@pytest.fixture
def run_machine(aws: LocalAws, name: str) -> Callable[..., dict[str, Any]]:
    """Run a state machine of these states, from the first, with the role; how it ended."""

    def run(
        states: dict[str, Any], role_arn: str, *, abort_when: Callable[[], bool] | None = None
    ) -> dict[str, Any]:
        machine = aws.client("stepfunctions").create_state_machine(
            name=f"{name}-{uuid.uuid4().hex[:6]}",
            roleArn=role_arn,
            definition=json.dumps({"StartAt": next(iter(states)), "States": states}),
        )["stateMachineArn"]
        execution = aws.client("stepfunctions").start_execution(
            stateMachineArn=machine, input="{}"
        )["executionArn"]
        if abort_when is not None:
            wait_for(abort_when, bool)
            aws.client("stepfunctions").stop_execution(executionArn=execution)
        return wait_for(
            lambda: aws.client("stepfunctions").describe_execution(executionArn=execution),
            lambda seen: seen["status"] != "RUNNING",
            seconds=60,
        )

    return run
