"""Between a training job and the registry a function reads the model, and may refuse it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack, Stage
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from support.templates import allowed, flat, only, resources, statements

from sagemaker_workflow.training.inspection import INSPECT, ModelInspection, inspect_state
from sagemaker_workflow.training.registration import register_state
from tests.unit.sagemaker_workflow.test_training_machine import states, workflow

DIGESTS = ("0" * 64, "f" * 64)


def inspection(stack: Stack, key: kms.IKey, bucket: s3.IBucket, **changes: Any) -> ModelInspection:
    given = {"models": bucket, "prefix": "training/orders/", "key": key}
    return ModelInspection(stack, "Inspect", **{**given, **changes})


def test_the_function_is_traced_limited_and_has_dead_letters(
    stack: Stack, key: kms.IKey, bucket: s3.IBucket
) -> None:
    inspection(stack, key, bucket)
    function = only(stack, "AWS::Lambda::Function")["Properties"]
    assert function["Handler"] == "inspect_model.handler.handler"
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["DeadLetterConfig"]["TargetArn"]
    assert function["ReservedConcurrentExecutions"] == 2
    assert (function["Timeout"], function["MemorySize"]) == (900, 1769)
    assert "EphemeralStorage" not in function, "nothing is written to a disk"
    [log] = resources(stack, "AWS::Logs::LogGroup").values()
    assert log["Properties"]["LogGroupName"].startswith("/aws/lambda/Test-Inspect")
    assert log["Properties"]["KmsKeyId"]


def test_the_functions_code_runs_from_where_nothing_else_of_the_repository_is(
    stack: Stack, key: kms.IKey, bucket: s3.IBucket
) -> None:
    inspection(stack, key, bucket)
    assembly = Stage.of(stack).synth()  # type: ignore[union-attr]
    [code] = Path(assembly.directory).glob("asset.*/inspect_model")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from inspect_model import archive, watch; print(archive.__file__)"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-c", script, str(code.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout.strip(), ran.returncode) == (str(code / "archive.py"), 0), ran.stderr


def test_a_new_account_reserves_no_concurrency(
    stack: Stack, key: kms.IKey, bucket: s3.IBucket
) -> None:
    inspection(stack, key, bucket, reserved_concurrency=None)
    function = only(stack, "AWS::Lambda::Function")["Properties"]
    assert "ReservedConcurrentExecutions" not in function


@pytest.mark.parametrize("prefix", ["", "/", "training", "/training/"])
def test_refuses_a_prefix_that_reaches_further(
    stack: Stack, key: kms.IKey, bucket: s3.IBucket, prefix: str
) -> None:
    with pytest.raises(ValueError, match=r"must be a folder of the bucket, like training/orders/"):
        inspection(stack, key, bucket, prefix=prefix)


def test_reads_the_models_of_the_dataset_and_writes_nothing_but_its_log(
    stack: Stack, key: kms.IKey, bucket: s3.IBucket
) -> None:
    inspection(stack, key, bucket)
    mine = "arn:<AWS::Partition>:s3:::the-bucket/training/orders/*"
    assert allowed(stack, "s3:GetObject") == [mine]
    assert sorted(one for each in statements(stack) for one in each["Action"]) == [
        *("kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents"),
        *("s3:GetObject", "sqs:SendMessage", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    ]


def test_the_machine_may_invoke_it_and_no_other_function(
    stack: Stack, key: kms.IKey, bucket: s3.IBucket
) -> None:
    workflow(stack, key, bucket)
    [logical] = resources(stack, "AWS::Lambda::Function")
    assert allowed(stack, "lambda:InvokeFunction") == [f"<{logical}.Arn>"]
    machine = only(stack, "AWS::StepFunctions::StateMachine")["Properties"]
    assert flat(machine["DefinitionSubstitutions"]["InspectModel"]) == f"<{logical}.Arn>"


def test_no_model_is_registered_that_was_not_inspected() -> None:
    """A job that is followed to its end after its answer was lost is no way around it."""
    made = states()
    leads = {
        name
        for name, state in made.items()
        for one in [state, *state.get("Choices", []), *state.get("Catch", [])]
        if one.get("Next") == "Register" or state.get("Default") == "Register"
    }
    assert leads == {INSPECT}
    assert made["Train"]["Next"] == INSPECT
    assert INSPECT in {one["Next"] for one in made["Is it ours?"]["Choices"]}


def test_a_refused_model_is_told_and_what_lambda_could_not_do_is_tried_again() -> None:
    made = inspect_state(trusted_pickles=DIGESTS, then="Register")
    assert made["Arguments"]["Payload"] == {
        "uri": "{% $states.input.model_data %}",
        "trusted_pickles": list(DIGESTS),
    }
    assert [catch["Next"] for catch in made["Catch"]] == ["Tell"]
    tried = {name for retry in made["Retry"] for name in retry["ErrorEquals"]}
    assert tried >= {"Lambda.ServiceException", "Lambda.TooManyRequestsException"}
    assert not tried & {"States.ALL", "States.TaskFailed", "ModelRefused"}
    assert all(retry["JitterStrategy"] == "FULL" for retry in made["Retry"])


def test_the_package_says_the_digest_and_its_container_is_started_with_it() -> None:
    """botocore, sagemaker 2017-07-24: ModelPackageContainerDefinition.Environment."""
    made = register_state("orders", trusted_pickles=())["Arguments"]
    [container] = made["InferenceSpecification"]["Containers"]
    assert container["Environment"] == {
        "INFERENCE_MODEL_DIGEST": "{% $states.input.inspected.digest %}"
    }
    said = made["CustomerMetadataProperties"]
    for name in ("model_digest", "model_etag", "model_version_id"):
        assert f"'{name}': $states.input.inspected." in said


def test_pickles_that_may_be_registered_may_be_loaded() -> None:
    made = states(trusted_pickles=DIGESTS)
    assert made[INSPECT]["Arguments"]["Payload"]["trusted_pickles"] == list(DIGESTS)
    [container] = made["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["Environment"]["INFERENCE_TRUSTED_PICKLES"] == ",".join(DIGESTS)


def test_the_environment_that_is_registered_is_one_that_the_service_takes() -> None:
    """contracts.md 2: keys and values of 1024 bytes; 15 digests are the settings' most."""
    made = states(trusted_pickles=["0" * 64] * 15)
    [container] = made["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert all(len(value) <= 1024 for value in container["Environment"].values())
