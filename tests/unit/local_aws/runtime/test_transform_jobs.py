"""Batch transform through real containers, as contracts.md section 6 describes it."""

from __future__ import annotations

import gzip
import json
import threading
import time
from typing import Any

import pytest

from local_aws.runtime import processes, transform_records
from local_aws.runtime.containers import ContainerSpec
from local_aws.runtime.transform import TransformOutcome, run_transform_job

ROLE = "arn:aws:iam::222233334444:role/execution"


def a_job(**changes: Any) -> dict[str, Any]:
    job: dict[str, Any] = {
        "TransformJobName": "batch-1",
        "TransformJobArn": "arn:aws:sagemaker:us-east-1:222233334444:transform-job/batch-1",
        "ModelName": "model",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/batch/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": "s3://out/predictions/",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    for name in ("TransformInput", "TransformOutput"):
        job[name] |= changes.pop(name, {})
    return {**job, **changes}


def run(
    job: dict[str, Any], image: str, stop: threading.Event | None = None, **container: Any
) -> TransformOutcome:
    values: dict[str, Any] = {
        "image": image,
        "model_data_url": None,
        "model_data_source": None,
        "environment": {},
        "role_arn": ROLE,
        **container,
    }
    return run_transform_job(
        job, ContainerSpec(**values), update=lambda **_: None, stop=stop or threading.Event()
    )


# Answers each line with its sum; `poison` makes it refuse, and it says how many lines it got.
ADDER = """
    def invocation(self, body):
        if b"poison" in body:
            return self.answer(400, b"row 1: 'poison' is not a number")
        lines = body.decode().splitlines()
        sys.stdout.write(f"request of {len(lines)}\\n"); sys.stdout.flush()
        sums = [str(sum(float(x) for x in line.split(","))) for line in lines]
        self.answer(200, "\\n".join(sums).encode())
"""

ENVIRONMENT = """
    def invocation(self, body):
        names = [n for n in os.environ if n.startswith("SAGEMAKER_")]
        self.answer(200, json.dumps({n: os.environ[n] for n in names}).encode())
"""


def requests(aws: Any) -> list[str]:
    return [line for lines in aws.logs.values() for line in lines if line.startswith("request of")]


def outputs(aws: Any) -> dict[str, bytes]:
    return {k: v for k, v in aws.objects.items() if k.startswith("s3://out/")}


def test_every_object_gets_its_out_file_in_order(aws: Any, server: Any) -> None:
    aws.objects |= {
        "s3://data/batch/a.csv": b"1,2\n3,4\n",
        "s3://data/batch/more/b.csv": b"5,6",
        "s3://data/batch/empty/": b"",
    }
    assert run(a_job(), server(overrides=ADDER)) == TransformOutcome(status="Completed")
    assert outputs(aws) == {
        "s3://out/predictions/a.csv.out": b"3.0\n7.0\n",
        "s3://out/predictions/more/b.csv.out": b"11.0\n",
    }
    assert {group for group, _ in aws.logs} == {"/aws/sagemaker/TransformJobs"}


def test_many_records_travel_together_up_to_the_payload_limit(
    aws: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BatchStrategy MultiRecord; a megabyte is 8 bytes here."""
    monkeypatch.setattr("local_aws.runtime.transform_file.MEGABYTE", 8)
    aws.objects["s3://data/batch/a.csv"] = b"1,2\n3,4\n5,6\n"
    run(a_job(MaxPayloadInMB=1), server(overrides=ADDER))
    assert requests(aws) == ["request of 2", "request of 1"]
    assert outputs(aws) == {"s3://out/predictions/a.csv.out": b"3.0\n7.0\n11.0\n"}


def test_single_record_sends_one_line_a_request(aws: Any, server: Any) -> None:
    aws.objects["s3://data/batch/a.csv"] = b"1,2\n3,4\n5,6\n"
    job = a_job(BatchStrategy="SingleRecord", MaxConcurrentTransforms=3)
    run(job, server(overrides=ADDER))
    assert requests(aws) == ["request of 1"] * 3
    assert outputs(aws) == {"s3://out/predictions/a.csv.out": b"3.0\n7.0\n11.0\n"}


def test_without_a_split_the_file_is_one_request(aws: Any, server: Any) -> None:
    aws.objects["s3://data/batch/a.csv"] = b"1,2\n3,4"
    job = a_job(TransformInput={"SplitType": "None"}, TransformOutput={"AssembleWith": "None"})
    run(job, server(overrides=ADDER))
    assert outputs(aws) == {"s3://out/predictions/a.csv.out": b"3.0\n7.0"}


def test_gzip_input_is_unpacked_by_the_platform(aws: Any, server: Any) -> None:
    aws.objects["s3://data/batch/a.csv.gz"] = gzip.compress(b"1,2\n")
    run(a_job(TransformInput={"CompressionType": "Gzip"}), server(overrides=ADDER))
    assert outputs(aws) == {"s3://out/predictions/a.csv.gz.out": b"3.0\n"}


def test_a_manifest_names_the_objects(aws: Any, server: Any) -> None:
    aws.objects |= {
        "s3://data/manifest": b'[{"prefix": "s3://data/batch/"}, "x/a.csv"]',
        "s3://data/batch/x/a.csv": b"1,2\n",
        "s3://data/batch/x/b.csv": b"9,9\n",
    }
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://data/manifest"}}
    run(a_job(TransformInput={"DataSource": source}), server(overrides=ADDER))
    assert outputs(aws) == {"s3://out/predictions/x/a.csv.out": b"3.0\n"}


def test_the_container_knows_that_it_serves_a_batch(aws: Any, server: Any) -> None:
    """The strategy in the container's spelling, limits only when the request states them."""
    aws.objects["s3://data/batch/a.csv"] = b"1\n"
    job = a_job(MaxPayloadInMB=2, BatchStrategy="SingleRecord")
    run(job, server(overrides=ENVIRONMENT))
    seen = json.loads(outputs(aws)["s3://out/predictions/a.csv.out"])
    assert seen["SAGEMAKER_BATCH"] == "true"
    assert seen["SAGEMAKER_BATCH_STRATEGY"] == "SINGLE_RECORD"
    assert seen["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "2"
    assert "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS" not in seen


def test_the_containers_execution_parameters_are_followed(aws: Any, server: Any) -> None:
    """Contracts 2.6: request, then this answer, then defaults."""
    overrides = (
        ADDER
        + """
    def do_GET(self):
        wanted = {"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD"}
        self.answer(200, json.dumps(wanted).encode() if "exec" in self.path else b"")
"""
    )
    aws.objects["s3://data/batch/a.csv"] = b"1,2\n3,4\n"
    run(a_job(), server(overrides=overrides))
    assert requests(aws) == ["request of 1"] * 2


def test_a_bad_record_costs_its_own_file_only(aws: Any, server: Any) -> None:
    """All or nothing per file; the job goes on and ends Failed."""
    aws.objects |= {
        "s3://data/batch/a.csv": b"1,2\npoison\n",
        "s3://data/batch/b.csv": b"3,4\n",
    }
    outcome = run(a_job(BatchStrategy="SingleRecord"), server(overrides=ADDER))
    assert outcome.status == "Failed"
    assert outcome.failure_reason == (
        "ClientError: 1 of 2 files failed; a.csv: the container answered 400: row 1: 'poison' is"
        " not a number"
    )
    assert outputs(aws) == {"s3://out/predictions/b.csv.out": b"7.0\n"}
    assert any(stream.endswith("/data-log") for _, stream in aws.logs)


def test_a_failing_request_is_tried_again(aws: Any, server: Any) -> None:
    """InvocationsMaxRetries 3."""
    overrides = """
        tries = 0
        def invocation(self, body):
            Handler.tries += 1
            self.answer(200 if Handler.tries > 3 else 503, str(Handler.tries).encode())
    """
    aws.objects["s3://data/batch/a.csv"] = b"1\n"
    assert run(a_job(), server(overrides=overrides)).status == "Completed"
    assert outputs(aws) == {"s3://out/predictions/a.csv.out": b"4\n"}


def test_refuses_a_record_over_the_payload_limit(
    aws: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_aws.runtime.transform_file.MEGABYTE", 4)
    aws.objects["s3://data/batch/a.csv"] = b"1,2,3,4\n"
    outcome = run(a_job(MaxPayloadInMB=1), server(overrides=ADDER))
    assert "a record of 8 bytes is larger than MaxPayloadInMB" in (outcome.failure_reason or "")
    assert outputs(aws) == {}


def test_refuses_a_prefix_without_objects(aws: Any, server: Any) -> None:
    outcome = run(a_job(), server(overrides=ADDER))
    assert outcome.failure_reason == "ClientError: no S3 objects found under s3://data/batch/"


def test_refuses_a_role_that_may_not_write(aws: Any, server: Any) -> None:
    aws.objects["s3://data/batch/a.csv"] = b"1,2\n"
    aws.denied.add("s3:PutObject")
    outcome = run(a_job(), server(overrides=ADDER))
    assert "is not authorized to perform: s3:PutObject" in (outcome.failure_reason or "")


def test_refuses_a_model_with_a_model_data_source(aws: Any, server: Any) -> None:
    """Contracts 2.1."""
    source = {"S3DataSource": {"S3Uri": "s3://m/p/", "S3DataType": "S3Prefix"}}
    outcome = run(a_job(), server(), model_data_source=source)
    assert "takes no model with a ModelDataSource" in (outcome.failure_reason or "")


def test_a_container_that_dies_fails_the_job(aws: Any, server: Any) -> None:
    overrides = """
        def invocation(self, body):
            print("out of memory", flush=True)
            os._exit(9)
    """
    aws.objects |= {"s3://data/batch/a.csv": b"1\n", "s3://data/batch/b.csv": b"1\n"}
    job = a_job(ModelClientConfig={"InvocationsMaxRetries": 0})
    outcome = run(job, server(overrides=overrides))
    assert outcome.status == "Failed"
    assert "out of memory" in (outcome.failure_reason or "")


def test_the_end_of_a_container_is_the_reason_however_late_it_is_noticed(
    aws: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = """
        def invocation(self, body):
            os._exit(9)
    """
    kill = processes.Process._kill_group

    def slowly(process: processes.Process) -> None:
        time.sleep(1)
        kill(process)

    monkeypatch.setattr(processes.Process, "_kill_group", slowly)
    aws.objects["s3://data/batch/a.csv"] = b"1\n"
    job = a_job(ModelClientConfig={"InvocationsMaxRetries": 0})
    outcome = run(job, server(overrides=overrides))
    assert "the container ended with exit code 9" in (outcome.failure_reason or "")


def test_a_stop_ends_the_job(aws: Any, server: Any, stop_when_said: Any) -> None:
    overrides = """
        def invocation(self, body):
            print("got one", flush=True)
            time.sleep(0.2)
            self.answer(200, b"1")
    """
    aws.objects["s3://data/batch/a.csv"] = b"1\n" * 500
    stop = stop_when_said("got one")
    outcome = run(a_job(BatchStrategy="SingleRecord"), server(overrides=overrides), stop)
    assert outcome == TransformOutcome(status="Stopped")
    assert outputs(aws) == {}


def test_csv_ids_are_kept_beside_their_predictions(aws: Any, server: Any) -> None:
    """The guide's example: drop the id for the model, join, keep id and prediction."""
    aws.objects["s3://data/batch/a.csv"] = b"id1,1,2\nid2,3,4\n"
    job = a_job(
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    )
    assert run(job, server(overrides=ADDER)).status == "Completed"
    assert outputs(aws) == {"s3://out/predictions/a.csv.out": b"id1,3.0\nid2,7.0\n"}


JSON = {
    "TransformInput": {"ContentType": "application/json"},
    "TransformOutput": {"Accept": "application/json"},
}


def processing(job: dict[str, Any]) -> transform_records.DataProcessing:
    return transform_records.DataProcessing.of(job)


def test_a_json_record_gets_the_key_sagemaker_output() -> None:
    it = processing(a_job(DataProcessing={"JoinSource": "Input"}, **JSON))
    assert it.to_keep([b'{"id": 1}\n'], b'{"label": 0}\n') == (
        b'{"id": 1, "SageMakerOutput": {"label": 0}}\n'
    )
    assert it.to_keep([b"[1, 2]\n"], b"0.5\n") == (
        b'{"SageMakerInput": [1, 2], "SageMakerOutput": 0.5}\n'
    )


@pytest.mark.parametrize(
    ("wanted", "answer", "reason"),
    [
        ({"JoinSource": "Input"}, b"1\n2\n", "answered 2 records for 1"),
        ({"OutputFilter": "$[5]"}, b"1\n", r"filter '\$\[5\]' does not fit the record"),
    ],
)
def test_refuses_answers_that_do_not_fit(wanted: Any, answer: bytes, reason: str) -> None:
    with pytest.raises(transform_records.RuntimeFailure, match=reason):
        processing(a_job(DataProcessing=wanted)).to_keep([b"a\n"], answer)


def test_refuses_an_input_that_has_the_key_already() -> None:
    it = processing(a_job(DataProcessing={"JoinSource": "Input"}, **JSON))
    with pytest.raises(transform_records.RuntimeFailure, match="has the key SageMakerOutput"):
        it.to_keep([b'{"SageMakerOutput": 1}\n'], b"1\n")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"TransformOutput": {"Accept": "application/json"}}, "Accept equal to ContentType"),
        ({"TransformOutput": {"AssembleWith": "None"}}, "AssembleWith equal to SplitType"),
        ({"TransformInput": {"ContentType": "image/png"}}, "works on CSV and JSON"),
    ],
)
def test_refuses_a_join_it_cannot_make(changes: Any, reason: str) -> None:
    with pytest.raises(transform_records.RuntimeFailure, match=reason):
        processing(a_job(DataProcessing={"JoinSource": "Input"}, **changes))
