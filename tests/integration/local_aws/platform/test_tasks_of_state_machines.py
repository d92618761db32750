"""Optimised and aws-sdk tasks: what they do, how they fail, what the machine's role must allow."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.local_aws_server import ACCOUNT, REGION, LocalAws, ServerFactory
from support.policies import allow, wait_for

Run = Callable[..., dict[str, Any]]
MakeRole = Callable[..., str]

TRAIN = "arn:aws:states:::sagemaker:createTrainingJob.sync"
JOBS = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/*"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
TRAINING = [
    allow(
        [
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:StopTrainingJob",
        ],
        JOBS,
    ),
    allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], RULE),
]


def train(end: str = "well", **rest: Any) -> dict[str, Any]:
    parameters = {"TrainingJobName": "job-1", "HyperParameters": {"end": end}}
    return {"Type": "Task", "Resource": TRAIN, "Parameters": parameters, "End": True, **rest}


def test_a_task_answers_what_its_function_returned(run_machine: Run, make_role: MakeRole) -> None:
    ended = run_machine({"Train": train()}, make_role(*TRAINING))

    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["TrainingJobStatus"] == "Completed"


def test_a_longer_operation_name_is_not_taken_for_its_prefix(
    run_machine: Run, make_role: MakeRole
) -> None:
    task = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createEndpointConfig"}
    given = {"Parameters": {"EndpointConfigName": "c"}, "End": True}

    ended = run_machine({"Make": {**task, **given}}, make_role(allow("sagemaker:*")))

    assert json.loads(ended["output"]) == {"made": "config"}


def test_a_task_may_fail_with_a_name_that_catch_knows(
    run_machine: Run, make_role: MakeRole
) -> None:
    state = train(
        "busy",
        Catch=[{"ErrorEquals": ["SageMaker.ResourceLimitExceededException"], "Next": "Caught"}],
    )

    ended = run_machine({"Train": state, "Caught": {"Type": "Succeed"}}, make_role(*TRAINING))

    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["Cause"] == "no such quota"


def test_a_fault_of_ours_can_be_caught_like_any_failed_task(
    run_machine: Run, make_role: MakeRole
) -> None:
    state = train("bug", Catch=[{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}])

    ended = run_machine({"Train": state, "Caught": {"Type": "Succeed"}}, make_role(*TRAINING))

    assert ended["status"] == "SUCCEEDED", ended


def test_a_task_learns_that_its_state_timed_out(
    aws: LocalAws, run_machine: Run, make_role: MakeRole
) -> None:
    before = aws.log.count("train gave up")

    ended = run_machine({"Train": train("never", TimeoutSeconds=1)}, make_role(*TRAINING))

    assert ended["error"] == "States.Timeout"
    wait_for(lambda: aws.log.count("train gave up"), lambda count: count > before)


def test_a_task_learns_that_its_execution_was_aborted(
    aws: LocalAws, run_machine: Run, make_role: MakeRole
) -> None:
    begun = "train createTrainingJob.sync never"
    before = {text: aws.log.count(text) for text in (begun, "train gave up")}

    ended = run_machine(
        {"Train": train("never")},
        make_role(*TRAINING),
        abort_when=lambda: aws.log.count(begun) > before[begun],
    )

    assert ended["status"] == "ABORTED"
    wait_for(lambda: aws.log.count("train gave up"), lambda count: count > before["train gave up"])


def test_an_aborted_execution_stays_so_and_its_task_is_not_tried_again(
    aws: LocalAws, make_role: MakeRole, name: str
) -> None:
    """botocore, states ExecutionStatus: ABORTED is an end, like FAILED."""
    states = aws.client("stepfunctions")
    task = train("stopped", Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}])
    machine = states.create_state_machine(
        name=name,
        roleArn=make_role(*TRAINING),
        definition=json.dumps({"StartAt": "Train", "States": {"Train": task}}),
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    wait_for(lambda: aws.log.count("train createTrainingJob.sync stopped"), lambda seen: seen == 1)

    states.stop_execution(executionArn=execution, error="Mine", cause="no longer wanted")

    wait_for(lambda: aws.log.count("train was stopped"), lambda seen: seen == 1)
    time.sleep(1)  # another try would come after 0.05
    events = states.get_execution_history(executionArn=execution)["events"]
    ended = states.describe_execution(executionArn=execution)
    assert (ended["status"], ended["error"]) == ("ABORTED", "Mine")
    assert [event["type"] for event in events].count("TaskScheduled") == 1


SLOW_ENDS = """
import sys, time
from local_aws.__main__ import main
from local_aws.adapter import serving

prepare = serving.prepare

def prepare_and_slow(settings):
    prepare(settings)
    from ministack.services import stepfunctions
    now = stepfunctions.now_iso

    def slowly():
        if sys._getframe(1).f_code.co_name in ("_run_execution", "_fail_execution"):
            time.sleep(0.5)  # after the status, before the stop date
        return now()

    stepfunctions.now_iso = slowly

serving.prepare = prepare_and_slow
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("state", "status", "member"),
    [
        ({"Type": "Pass", "End": True}, "SUCCEEDED", "output"),
        ({"Type": "Fail", "Error": "Mine", "Cause": "why"}, "FAILED", "error"),
    ],
)
def test_an_execution_that_is_over_says_all_there_is_to_say(
    local_aws_server: ServerFactory,
    tmp_path: Path,
    state: dict[str, Any],
    status: str,
    member: str,
) -> None:
    """botocore, DescribeExecution: stopDate "If the execution ended, the date it stopped"."""
    launcher = tmp_path / "slow_ends.py"
    launcher.write_text(SLOW_ENDS)
    states = local_aws_server(launcher=launcher).client("stepfunctions")
    machine = states.create_state_machine(
        name="m",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        definition=json.dumps({"StartAt": "Only", "States": {"Only": state}}),
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]

    ended = wait_for(
        lambda: states.describe_execution(executionArn=execution),
        lambda seen: seen["status"] != "RUNNING",
    )

    assert ended["status"] == status
    assert {"stopDate", member} <= ended.keys()


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (TRAINING[1], "sagemaker:CreateTrainingJob"),
        (TRAINING[0], "events:PutTargets"),
    ],
    ids=["the job", "the managed rule"],
)
def test_refuses_a_training_job_its_role_may_not_run(
    run_machine: Run, make_role: MakeRole, missing: dict[str, Any], named: str
) -> None:
    ended = run_machine({"Train": train()}, make_role(missing))

    assert ended["error"] == "SageMaker.AmazonSageMakerException"
    assert f"is not authorized to perform: {named} on resource:" in ended["cause"]


def test_refuses_to_hand_over_a_role_without_pass_role(
    run_machine: Run, make_role: MakeRole
) -> None:
    executes = make_role(trusts="sagemaker.amazonaws.com")
    state = train()
    state["Parameters"]["RoleArn"] = executes
    may_pass = allow(
        "iam:PassRole",
        executes,
        Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )

    good = run_machine({"Train": state}, make_role(*TRAINING, may_pass))
    bad = run_machine({"Train": state}, make_role(*TRAINING))

    assert good["status"] == "SUCCEEDED", good
    assert "is not authorized to perform: iam:PassRole" in bad["cause"]


def test_refuses_to_publish_where_its_role_may_not(
    aws: LocalAws, run_machine: Run, make_role: MakeRole, name: str
) -> None:
    topic = aws.client("sns").create_topic(Name=name)["TopicArn"]
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": topic, "Message": "hello"},
        "End": True,
    }

    good = run_machine({"Tell": state}, make_role(allow("sns:Publish", topic)))
    bad = run_machine({"Tell": state}, make_role(allow("sns:Publish", f"{topic}-other")))

    assert good["status"] == "SUCCEEDED", good
    assert bad["error"] == "SNS.AuthorizationErrorException"


def test_refuses_a_function_its_role_may_not_invoke(run_machine: Run, make_role: MakeRole) -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "absent"},
        "End": True,
    }

    allowed = run_machine({"Call": state}, make_role(allow("lambda:InvokeFunction")))
    denied = run_machine({"Call": state}, make_role())

    assert allowed["error"] == "Lambda.ResourceNotFoundException"
    assert denied["error"] == "Lambda.AWSLambdaException"
    assert ":function:absent because no identity-based policy" in denied["cause"]


def test_an_sdk_task_reaches_our_service(
    aws: LocalAws, run_machine: Run, make_role: MakeRole, name: str
) -> None:
    aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:describeEndpoint",
        "Parameters": {"EndpointName": name},
        "End": True,
    }
    endpoint = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"

    good = run_machine({"Look": state}, make_role(allow("sagemaker:DescribeEndpoint", endpoint)))
    bad = run_machine({"Look": state}, make_role(allow("sagemaker:ListEndpoints")))

    assert json.loads(good["output"])["EndpointStatus"] == "InService"
    assert bad["error"] == "SageMaker.SageMakerException"
    assert f"sagemaker:DescribeEndpoint on resource: {endpoint}" in bad["cause"]


def test_an_sdk_task_fails_with_the_name_the_java_sdk_gives(
    run_machine: Run, make_role: MakeRole
) -> None:
    look = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:cloudformation:describeStacks",
        "Parameters": {"StackName": "absent"},
        "End": True,
    }

    ended = run_machine({"Look": look}, make_role(allow("cloudformation:*")))

    assert ended["error"] == "CloudFormation.CloudFormationException"
    assert "absent does not exist" in ended["cause"]


def read_object(bucket: str, **arguments: Any) -> dict[str, Any]:
    """A state that reads an object and answers with what it holds."""
    return {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Arguments": {"Bucket": bucket, "Key": "a/b.json", **arguments},
        "Output": "{% { 'said': $parse($states.result.Body), 'result': $states.result } %}",
        "End": True,
    }


def test_a_task_reads_an_object_as_text_and_an_older_version_of_it(
    aws: LocalAws, name: str, run_machine: Run, make_role: MakeRole
) -> None:
    """botocore's model of GetObject: Body, ETag, VersionId; a text Body is passed on as text."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    older = s3.put_object(Bucket=name, Key="a/b.json", Body=b'{"n": ["\xc3\xbc", 1]}')["VersionId"]
    newer = s3.put_object(Bucket=name, Key="a/b.json", Body=b'{"n": 2}')["VersionId"]
    role = make_role(allow(["s3:GetObject", "s3:GetObjectVersion"], f"arn:aws:s3:::{name}/a/*"))

    now = json.loads(run_machine({"Read": read_object(name)}, role)["output"])
    then = json.loads(run_machine({"Read": read_object(name, VersionId=older)}, role)["output"])

    assert now["said"] == {"n": 2}
    assert now["result"]["VersionId"] == newer
    assert now["result"]["Body"] == '{"n": 2}'
    assert then["said"] == {"n": ["ü", 1]}
    assert then["result"]["VersionId"] == older


@pytest.mark.parametrize("rest", [{}, {"VersionId": "1"}], ids=["newest", "a version"])
def test_refuses_to_read_an_object_its_role_may_not(
    aws: LocalAws, name: str, run_machine: Run, make_role: MakeRole, rest: dict[str, str]
) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a/b.json", Body=b"{}")
    role = make_role(allow("s3:GetObject*", f"arn:aws:s3:::{name}/other/*"))

    ended = run_machine({"Read": read_object(name, **rest)}, role)

    assert ended["status"] == "FAILED"
    assert ended["error"] == "S3.S3Exception"
    assert "s3:GetObject" in ended["cause"]


def test_an_object_that_is_not_there_fails_the_task(
    aws: LocalAws, name: str, run_machine: Run, make_role: MakeRole
) -> None:
    aws.client("s3").create_bucket(Bucket=name)
    role = make_role(allow("s3:GetObject", f"arn:aws:s3:::{name}/*"))

    ended = run_machine({"Read": read_object(name)}, role)

    assert ended["status"] == "FAILED"
