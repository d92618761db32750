import dataclasses
import json
from typing import Any

import pytest
from aws_cdk import App, CfnCondition, CfnParameter, Fn, Stack, Validations
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks
from support.templates import allowed, flat, only, statements

from sagemaker_workflow.batch_transform import (
    BatchTransform,
    Schedule,
    TransformFleet,
    TransformJob,
)
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData


@pytest.fixture
def job(bucket: s3.IBucket) -> TransformJob:
    return TransformJob(input=(bucket, "batch/input/"), output=(bucket, "batch/output/"))


def states(stack: Stack) -> dict[str, Any]:
    machine = only(stack, "AWS::StepFunctions::StateMachine")["Properties"]
    definition: dict[str, Any] = json.loads(machine["DefinitionString"])
    return dict(definition["States"])


def substitution(stack: Stack, name: str) -> Any:
    machine = only(stack, "AWS::StepFunctions::StateMachine")["Properties"]
    return machine["DefinitionSubstitutions"][name]


def test_a_job_is_run_and_waited_for(stack: Stack, model: Model, job: TransformJob) -> None:
    BatchTransform(stack, "Batch", model=model, job=job)
    task = states(stack)["Transform"]
    assert task["Resource"] == "arn:aws:states:::sagemaker:createTransformJob.sync"
    assert task["TimeoutSeconds"] == 6 * 3600
    said = '"ModelClientConfig": {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 3}'
    assert said in task["Arguments"]


def test_a_jobs_name_is_of_its_execution_and_its_try(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    BatchTransform(stack, "Batch", model=model, job=job, name="flights-batch")
    made = states(stack)
    assert "$states.context.Execution.Id" in made["Settle"]["Output"]["id"]
    name = made["Transform"]["Arguments"].partition('"ModelName"')[0]
    assert "RetryCount" in name
    assert "tried" in name


def test_throttling_is_retried_with_full_jitter_and_every_failure_is_told(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    BatchTransform(stack, "Batch", model=model, job=job)
    made = states(stack)
    [retry] = made["Transform"]["Retry"]
    assert retry["JitterStrategy"] == "FULL"
    # A job that ran and failed would fail again, and cost again.
    assert "States.TaskFailed" not in retry["ErrorEquals"]
    assert made["Transform"]["Catch"][0]["ErrorEquals"] == ["States.ALL"]
    assert made["IsItCapacity"]["Default"] == "Tell"
    assert made["Tell"]["Next"] == "Failed"


def test_without_an_approved_model_it_ends_at_once_and_says_so(
    stack: Stack, container: ModelContainer, job: TransformJob
) -> None:
    arn = CfnParameter(stack, "ModelPackageArn", default="").value_as_string
    given = CfnCondition(stack, "Given", expression=Fn.condition_not(Fn.condition_equals(arn, "")))
    model = Model(stack, "Model", serves=container, condition=given)
    BatchTransform(stack, "Batch", model=model, job=job)
    assert substitution(stack, "ModelName")["Fn::If"][::2] == ["Given", ""]
    assert states(stack)["IsThereAModel"]["Default"] == "NoApprovedModel"
    assert "no approved model" in states(stack)["NoApprovedModel"]["Cause"]
    assert "Condition" not in only(stack, "AWS::StepFunctions::StateMachine")


def test_predictions_can_stand_beside_their_records(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    joined = dataclasses.replace(job, join=True, input_filter="$[1:]")
    BatchTransform(stack, "Batch", model=model, job=joined)
    settled = states(stack)["Settle"]["Output"]
    assert settled["join"].endswith(": true %}")
    assert settled["input_filter"].endswith(': "$[1:]" %}')
    assert '{"JoinSource": "Input"}' in states(stack)["Transform"]["Arguments"]


def test_types_with_local_storage_are_not_given_the_volume_key(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    chosen = CfnParameter(stack, "InstanceType").value_as_string
    types = ["ml.m5.large", "ml.g4dn.xlarge", "ml.g5.xlarge"]
    fleet = TransformFleet(instance_type=chosen, allowed_types=types)
    BatchTransform(stack, "Batch", model=model, job=job, fleet=fleet)
    request = states(stack)["Transform"]["Arguments"]
    assert '$i.instance_type in ["ml.g4dn.xlarge", "ml.g5.xlarge"] ? {}' in request


def test_a_clock_and_a_manifest_start_it(
    stack: Stack, model: Model, job: TransformJob, bucket: s3.IBucket
) -> None:
    started = dataclasses.replace(job, manifests=(bucket, "batch/manifests/"))
    daily = Schedule(at="cron(0 6 * * ? *)", timezone="Europe/Berlin", given='{"join": true}')
    BatchTransform(stack, "Batch", model=model, job=started, schedule=daily)
    clock = only(stack, "AWS::Scheduler::Schedule")["Properties"]
    assert clock["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert clock["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert clock["Target"]["Input"] == '{"join": true}'
    keys = only(stack, "AWS::Events::Rule")["Properties"]["EventPattern"]["detail"]["object"]
    assert keys == {"key": [{"wildcard": "batch/manifests/*.json"}]}
    assert any(on.endswith("/batch/manifests/*") for on in allowed(stack, "s3:GetObject"))
    assert '"ManifestFile"' in states(stack)["Settle"]["Output"]["data_type"]
    assert any("batch/manifests/*" in str(one.get("Condition")) for one in statements(stack))


def test_a_result_is_summed_up_beside_the_predictions_and_published(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    BatchTransform(stack, "Batch", model=model, job=job)
    made = states(stack)
    assert made["Transform"]["Next"] == "CountInput"
    for place in ("CountInput", "CountOutput"):
        # A key of 1,024 bytes and what is said of its object: a page stays below 256 KiB.
        assert "'MaxKeys': 200}" in made[place]["Arguments"]
    assert made["Summarise"]["Arguments"]["Key"].endswith("'/summary.json' %}")
    assert made["Publish"]["Arguments"]["TopicArn"] == "${Results}"
    tried = [one for one in made.values() if one["Type"] == "Task"]
    assert all(one["Retry"] and one["Catch"] for one in tried)


def test_the_machine_may_run_its_own_jobs_and_no_others(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    BatchTransform(stack, "Batch", model=model, job=job, name="flights-batch")
    for action in ("CreateTransformJob", "StopTransformJob", "DescribeTransformJob", "AddTags"):
        [on] = allowed(stack, f"sagemaker:{action}")
        assert on.endswith(":transform-job/flights-batch-*")
    [rule] = allowed(stack, "events:PutRule")
    assert rule.endswith(":rule/StepFunctionsGetEventsForSageMakerTransformJobsRule")
    assert not [one for one in statements(stack) if "iam:PassRole" in one["Action"]]


def test_the_models_role_reads_the_input_and_writes_the_output(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    BatchTransform(stack, "Batch", model=model, job=job)
    assert any(on.endswith("/batch/input/*") for on in allowed(stack, "s3:GetObject"))
    assert {on.partition("the-bucket/")[2] for on in allowed(stack, "s3:PutObject")} == {
        "batch/output/*",
        "batch/output/*summary.json",
    }
    logs = [on for on in allowed(stack, "logs:PutLogEvents") if "TransformJobs" in on]
    assert logs


def test_a_run_does_not_start_before_the_models_role_may_read(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    BatchTransform(stack, "Batch", model=model, job=job)
    waits = only(stack, "AWS::StepFunctions::StateMachine")["DependsOn"]
    assert any(one.startswith("ModelRoleGrants") for one in waits)


def test_it_is_logged_and_traced_and_nag_finds_nothing(
    stack: Stack, model: Model, job: TransformJob
) -> None:
    Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    BatchTransform(stack, "Batch", model=model, job=job)
    machine = only(stack, "AWS::StepFunctions::StateMachine")["Properties"]
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["TracingConfiguration"]["Enabled"] is True
    assert isinstance(stack.node.root, App)
    stack.node.root.synth()
    assert flat(substitution(stack, "Input")) == "s3://the-bucket/batch/input/"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"max_payload_mb": 101}, "max_payload_mb is 101, allowed is 0 to 100"),
        ({"max_payload_mb": 60, "max_concurrent": 2}, "is 120, allowed is 100"),
        ({"split": "Row"}, "split is 'Row', allowed is one of Line, RecordIO"),
        ({"input_filter": "[1:]"}, r"input_filter is '\[1:\]', allowed is a JSONPath"),
        ({"output_filter": "$" + "x" * 63}, "up to 63 characters"),
        ({"join": True, "accept": "application/json"}, "leave accept out"),
        ({"join": True, "assemble": "None"}, "set both to 'Line'"),
        ({"environment": {f"K{n}": "v" for n in range(17)}}, "17 entries, allowed is 16"),
        ({"timeout_seconds": 1}, "timeout_seconds is 1, allowed is 60 to"),
    ],
)
def test_a_job_the_service_would_refuse_is_refused_here(
    stack: Stack, model: Model, job: TransformJob, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        BatchTransform(stack, "Batch", model=model, job=dataclasses.replace(job, **change))


def test_a_model_it_cannot_load_is_refused(
    stack: Stack,
    bucket: s3.IBucket,
    container: ModelContainer,
    prefix_model: Any,
    job: TransformJob,
) -> None:
    with pytest.raises(ValueError, match=r"artifacts are a prefix.*ModelData\.from_bucket"):
        BatchTransform(stack, "Batch", model=prefix_model(), job=job)
    many = ModelContainer(
        image=container.image, data=ModelData.from_prefix(bucket, "many/"), multi_model=True
    )
    with pytest.raises(ValueError, match="several models on demand"):
        BatchTransform(stack, "Other", model=Model(stack, "Many", serves=many), job=job)


def test_every_fault_is_told_at_once(stack: Stack, model: Model, job: TransformJob) -> None:
    with pytest.raises(ValueError, match="BatchTransform Test/Batch") as refusal:
        BatchTransform(
            stack,
            "Batch",
            model=model,
            job=dataclasses.replace(job, max_concurrent=0),
            fleet=TransformFleet(instance_type="ml.p9.large", count=0),
            name="a_b",
        )
    assert str(refusal.value).count("\n  - ") == 4
