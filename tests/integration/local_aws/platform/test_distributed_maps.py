"""A Distributed Map over objects of a bucket, as Step Functions' Developer Guide tells of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.local_aws_server import ACCOUNT, REGION, LocalAws
from support.policies import allow, wait_for

MakeRole = Callable[..., str]
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def bucket(aws: LocalAws, name: str) -> str:
    """A bucket with three objects under in/, of which the second is bad, and one beside them."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    for key in ("in/a", "in/bad", "in/c", "other"):
        s3.put_object(Bucket=name, Key=key, Body=b"content")
    return name


def each_object(bucket: str, **changes: Any) -> dict[str, Any]:
    """A state that fails for the bad object and answers with the key of any other."""
    choice = {"Condition": "{% $contains($states.input.key, 'bad') %}", "Next": "Bad"}
    return {
        "Type": "Map",
        "QueryLanguage": "JSONata",
        "Label": "Each",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:listObjectsV2",
            "Arguments": {"Bucket": bucket, "Prefix": "{% 'in' & '/' %}"},
        },
        "ItemSelector": {
            "key": "{% $states.context.Map.Item.Value.Key %}",
            "number": "{% $states.context.Map.Item.Index %}",
        },
        "MaxConcurrency": "{% 1 + 0 %}",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Good?",
            "States": {
                "Good?": {
                    "Type": "Choice",
                    "QueryLanguage": "JSONata",
                    "Choices": [choice],
                    "Default": "Good",
                },
                "Good": {"Type": "Succeed"},
                "Bad": {"Type": "Fail", "Error": "Rejected", "Cause": "no rows"},
            },
        },
        "End": True,
        **changes,
    }


def exports(bucket: str) -> dict[str, Any]:
    """Where results go."""
    return {
        "Resource": "arn:aws:states:::s3:putObject",
        "Arguments": {"Bucket": bucket, "Prefix": "{% 'results' %}"},
    }


def permissions(bucket: str, *without: str) -> list[dict[str, Any]]:
    """What such a machine's role needs, less the actions named."""
    machines = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:*"
    given = {
        "s3:ListBucket": f"arn:aws:s3:::{bucket}",
        "s3:PutObject": f"arn:aws:s3:::{bucket}/results/*",
        "states:StartExecution": machines,
    }
    return [allow(action, on) for action, on in given.items() if action not in without]


def children(aws: LocalAws, map_run: str) -> dict[str, dict[str, Any]]:
    """Each child execution of a run by the key it was given."""
    states = aws.client("stepfunctions")
    listed = states.list_executions(mapRunArn=map_run)["executions"]
    found = [states.describe_execution(executionArn=one["executionArn"]) for one in listed]
    return {json.loads(one["input"])["key"]: one for one in found}


def test_each_object_is_a_child_and_a_tolerated_failure_spoils_nothing(
    aws: LocalAws, run_machine: Run, make_role: MakeRole, bucket: str
) -> None:
    """ "ItemReader (Map)", "ItemSelector (Map)", "ResultWriter (Map)": files by how they ended."""
    state = each_object(bucket, ToleratedFailurePercentage=50, ResultWriter=exports(bucket))

    ended = run_machine({"Each": state}, make_role(*permissions(bucket)))

    assert ended["status"] == "SUCCEEDED", ended
    told = json.loads(ended["output"])
    s3, place = aws.client("s3"), told["ResultWriterDetails"]
    read = lambda key: json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())  # noqa: E731
    manifest = read(place["Key"])
    assert manifest["MapRunArn"] == told["MapRunArn"]
    files = {how: [file["Key"] for file in made] for how, made in manifest["ResultFiles"].items()}
    folder = place["Key"].removesuffix("manifest.json")
    assert files == {
        "FAILED": [f"{folder}FAILED_0.json"],
        "PENDING": [],
        "SUCCEEDED": [f"{folder}SUCCEEDED_0.json"],
    }
    (failed,) = read(files["FAILED"][0])
    assert json.loads(failed["Input"]) == {"key": "in/bad", "number": 1}
    assert (failed["Error"], failed["Cause"], failed["Status"]) == ("Rejected", "no rows", "FAILED")
    run = aws.client("stepfunctions").describe_map_run(mapRunArn=told["MapRunArn"])
    assert {k: run["itemCounts"][k] for k in ("total", "succeeded", "failed", "pending")} == {
        "total": 3,
        "succeeded": 2,
        "failed": 1,
        "pending": 0,
    }
    assert {key: one["status"] for key, one in children(aws, told["MapRunArn"]).items()} == {
        "in/a": "SUCCEEDED",
        "in/bad": "FAILED",
        "in/c": "SUCCEEDED",
    }


def test_more_failures_than_are_tolerated_fail_the_state_and_start_nothing_more(
    aws: LocalAws, run_machine: Run, make_role: MakeRole, bucket: str
) -> None:
    """One object at a time, so that the third is still pending when the second has failed."""
    state = each_object(bucket, ToleratedFailurePercentage=20, MaxConcurrency=1)

    ended = run_machine({"Each": state}, make_role(*permissions(bucket)))

    assert ended["error"] == "States.ExceedToleratedFailureThreshold"
    (run,) = aws.client("stepfunctions").list_map_runs(executionArn=ended["executionArn"])[
        "mapRuns"
    ]
    assert sorted(children(aws, run["mapRunArn"])) == ["in/a", "in/bad"]


def test_without_a_writer_the_results_are_the_output_in_order(
    run_machine: Run, make_role: MakeRole, bucket: str
) -> None:
    state = each_object(bucket, ToleratedFailureCount=1, MaxConcurrency=3)

    ended = run_machine({"Each": state}, make_role(*permissions(bucket)))

    assert json.loads(ended["output"]) == [
        {"key": "in/a", "number": 0},
        None,
        {"key": "in/c", "number": 2},
    ]


def test_a_state_in_jsonpath_reads_the_rows_of_a_csv_object(
    aws: LocalAws, run_machine: Run, make_role: MakeRole, bucket: str
) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="list.csv", Body=b"key,size\nx,1\ny,2\n")
    state = each_object(
        bucket,
        QueryLanguage="JSONPath",
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": bucket, "Key": "list.csv"},
        },
        ItemSelector={"key.$": "$$.Map.Item.Value.key"},
        MaxConcurrency=2,
    )
    reads = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/list.csv")

    good = run_machine({"Each": state}, make_role(*permissions(bucket), reads))
    bad = run_machine({"Each": state}, make_role(*permissions(bucket)))

    assert json.loads(good["output"]) == [{"key": "x"}, {"key": "y"}]
    assert bad["error"] == "States.ItemReaderFailed"
    assert "s3:GetObject" in bad["cause"]


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("s3:ListBucket", "States.ItemReaderFailed"),
        ("s3:PutObject", "States.ResultWriterFailed"),
        ("states:StartExecution", "States.Runtime"),
    ],
)
def test_refuses_what_the_machines_role_may_not_do(
    run_machine: Run, make_role: MakeRole, bucket: str, missing: str, error: str
) -> None:
    """ "IAM policies for using Distributed Map states"."""
    state = each_object(bucket, ToleratedFailurePercentage=50, ResultWriter=exports(bucket))

    ended = run_machine({"Each": state}, make_role(*permissions(bucket, missing)))

    assert ended["error"] == error
    assert f"is not authorized to perform: {missing} on resource:" in ended["cause"]


def test_refuses_a_batcher_it_would_ignore(
    run_machine: Run, make_role: MakeRole, bucket: str
) -> None:
    state = each_object(bucket, ItemBatcher={"MaxItemsPerBatch": 2})

    ended = run_machine({"Each": state}, make_role(*permissions(bucket)))

    assert ended["cause"] == "the local AWS does not run a Map state with an ItemBatcher"


def test_an_aborted_execution_aborts_its_children_and_starts_no_more(
    aws: LocalAws, make_role: MakeRole, bucket: str, name: str
) -> None:
    """60 seconds of waiting are three here: the child is at work when the execution is stopped."""
    waits = {"Type": "Wait", "QueryLanguage": "JSONata", "Seconds": 60, "End": True}
    state = each_object(bucket, MaxConcurrency=1)
    state["ItemProcessor"] |= {"StartAt": "Wait", "States": {"Wait": waits}}
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(
        name=name,
        roleArn=make_role(*permissions(bucket)),
        definition=json.dumps({"StartAt": "Each", "States": {"Each": state}}),
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    (run,) = wait_for(
        lambda: states.list_map_runs(executionArn=execution)["mapRuns"], lambda seen: len(seen) == 1
    )

    def counts() -> dict[str, int]:
        found: dict[str, int] = states.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
        return found

    wait_for(counts, lambda seen: seen["running"] == 1)
    states.stop_execution(executionArn=execution)

    wait_for(counts, lambda seen: seen["aborted"] == 3 and seen["running"] == 0)
    (child,) = children(aws, run["mapRunArn"]).values()
    assert child["status"] == "ABORTED"
