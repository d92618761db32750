"""Asynchronous requests through real containers, as contracts.md section 5 describes them."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local_aws.runtime.asynchronous import AsyncQueue
from local_aws.runtime.containers import ContainerSpec
from local_aws.runtime.hosting import Variant, VariantSpec

ROLE = "arn:aws:iam::222233334444:role/execution"
OK, BAD = "arn:aws:sns:us-east-1:222233334444:ok", "arn:aws:sns:us-east-1:222233334444:bad"

MODEL = """
    here = most = 0
    def invocation(self, body):
        if body == b"poison":
            return self.answer(500, b"cannot read the row")
        if body == b"slow":
            time.sleep(60)
        if body.startswith(b"wait"):
            until = time.monotonic() + float(body[4:])
            Handler.here += 1
            Handler.most = max(Handler.most, Handler.here)
            while Handler.most < 2 and time.monotonic() < until:
                time.sleep(0.01)
            Handler.here -= 1
            body = b"%d at once" % Handler.most
        self.answer(200, body.upper(), Content_Type="text/csv; charset=utf-8")
"""


@pytest.fixture
def variant(aws: Any, server: Any) -> Iterator[Variant]:
    spec = VariantSpec(
        endpoint_name="flights-local-async",
        variant_name="primary",
        container=ContainerSpec(
            image=server(overrides=MODEL),
            model_data_url=None,
            model_data_source=None,
            environment={},
            role_arn=ROLE,
        ),
        kind="async",
        instance_type="ml.m5.large",
        count=1,
        memory_mb=None,
        max_concurrency=None,
        startup_timeout_seconds=60,
    )
    one = Variant(spec)
    one.start(threading.Event())
    yield one
    one.stop()


def configuration(*, per_instance: int = 4, **output: Any) -> dict[str, Any]:
    return {
        "OutputConfig": {
            "S3OutputPath": "s3://out/async/",
            "S3FailurePath": "s3://out/failed",
            "NotificationConfig": {"SuccessTopic": OK, "ErrorTopic": BAD},
            **output,
        },
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": per_instance},
    }


@pytest.fixture
def queue(variant: Variant) -> Iterator[Callable[..., AsyncQueue]]:
    made: list[AsyncQueue] = []

    def make(*, per_instance: int = 4, **output: Any) -> AsyncQueue:
        config = configuration(per_instance=per_instance, **output)
        made.append(AsyncQueue("flights-local-async", config, lambda: variant))
        return made[-1]

    yield make
    for one in made:
        one.close()


def topic(aws: Any, arn: str) -> list[dict[str, Any]]:
    return [message for target, message in aws.published if target == arn]


def test_the_answer_is_in_s3_and_on_the_success_topic(
    aws: Any, queue: Any, eventually: Any
) -> None:
    aws.objects["s3://data/in.csv"] = b"a,b"
    answer = queue(KmsKeyId="key-1").submit(
        {"InputLocation": "s3://data/in.csv", "ContentType": "text/csv", "InferenceId": "mine"}
    )
    message = eventually(lambda: topic(aws, OK))[0]

    assert answer["InferenceId"] == "mine"
    assert answer["OutputLocation"].startswith("s3://out/async/")
    assert "mine" not in answer["OutputLocation"]  # contracts 5.2: it cannot be computed
    assert answer["OutputLocation"].endswith(".out")
    assert aws.objects[answer["OutputLocation"]] == b"A,B"
    assert aws.object_arguments[answer["OutputLocation"]] == {
        "ContentType": "text/csv; charset=utf-8",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "key-1",
    }
    assert message["eventTime"].endswith("Z")
    assert message["receivedTime"] <= message["eventTime"]
    del message["eventTime"], message["receivedTime"]
    assert message == {
        "awsRegion": "us-east-1",
        "invocationStatus": "Completed",
        "requestParameters": {
            "contentType": "text/csv",
            "endpointName": "flights-local-async",
            "inputLocation": "s3://data/in.csv",
        },
        "responseParameters": {
            "contentType": "text/csv; charset=utf-8",
            "outputLocation": answer["OutputLocation"],
        },
        "inferenceId": "mine",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    assert aws.roles_used == {ROLE}


def test_inline_input_needs_no_object(aws: Any, queue: Any, eventually: Any) -> None:
    """Contracts 5.1: Body; file name and path extension are the caller's."""
    answer = queue().submit({"Body": b"x", "Filename": "r.csv", "S3OutputPathExtension": "july"})
    assert answer["OutputLocation"] == "s3://out/async/july/r.csv"
    eventually(lambda: aws.objects.get("s3://out/async/july/r.csv") == b"X")
    eventually(lambda: topic(aws, OK))
    assert "inputLocation" not in topic(aws, OK)[0]["requestParameters"]


def test_the_answer_travels_with_the_message_when_asked_for(
    aws: Any, queue: Any, eventually: Any
) -> None:
    config = {"SuccessTopic": OK, "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"]}
    queue(NotificationConfig=config).submit({"Body": b"x"})
    body = eventually(lambda: topic(aws, OK))[0]["responseBody"]
    assert base64.b64decode(body["content"]) == b"X"
    assert body["encoding"] == "BASE64"


def test_a_failing_model_leaves_a_failure_object_and_an_error_message(
    aws: Any, queue: Any, eventually: Any
) -> None:
    """Contracts 5.2, 5.3: nothing at the output location."""
    answer = queue().submit({"Body": b"poison"})
    message = eventually(lambda: topic(aws, BAD))[0]
    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"] == (
        "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs in"
        " your account for more information."
    )
    assert answer["FailureLocation"].startswith("s3://out/failed/")
    assert aws.objects[answer["FailureLocation"]] == b"cannot read the row"
    assert answer["OutputLocation"] not in aws.objects
    assert topic(aws, OK) == []


def test_a_poison_request_does_not_stop_the_queue(aws: Any, queue: Any, eventually: Any) -> None:
    one = queue(per_instance=1)
    one.submit({"Body": b"poison"})
    good = one.submit({"Body": b"x"})
    eventually(lambda: good["OutputLocation"] in aws.objects)


def test_an_input_that_is_not_there_fails_the_request(
    aws: Any, queue: Any, eventually: Any
) -> None:
    queue().submit({"InputLocation": "s3://data/none.csv"})
    message = eventually(lambda: topic(aws, BAD))[0]
    assert message["failureReason"] == "ClientError: there is no object at s3://data/none.csv"
    assert "RequestDownloadFailures" in [name for _, name, *_ in aws.metrics]


def test_a_role_that_may_not_write_the_output_fails_the_request(
    aws: Any, queue: Any, eventually: Any
) -> None:
    aws.denied.add("s3:PutObject")
    queue().submit({"Body": b"x"})
    reason = eventually(lambda: topic(aws, BAD))[0]["failureReason"]
    assert "is not authorized to perform: s3:PutObject" in reason


def test_an_invocation_over_its_timeout_fails(aws: Any, queue: Any, eventually: Any) -> None:
    queue().submit({"Body": b"slow", "InvocationTimeoutSeconds": 1})
    reason = eventually(lambda: topic(aws, BAD))[0]["failureReason"]
    assert "did not answer /invocations within 1 seconds" in reason


def test_a_role_that_may_not_publish_still_gets_its_output(
    aws: Any, queue: Any, eventually: Any
) -> None:
    aws.denied.add("sns:Publish")
    answer = queue().submit({"Body": b"x"})
    eventually(lambda: answer["OutputLocation"] in aws.objects)
    eventually(lambda: "NotificationFailures" in [name for _, name, *_ in aws.metrics])


def test_requests_wait_at_zero_instances_and_are_served_after(
    aws: Any, queue: Any, variant: Variant, eventually: Any
) -> None:
    """Contracts 5.4, 5.6: the queue survives, and says that it has no capacity."""
    variant.scale(0)
    answer = queue().submit({"Body": b"x"})
    dimensions = {"EndpointName": "flights-local-async"}
    point = ("AWS/SageMaker", "HasBacklogWithoutCapacity", 1, dimensions)
    eventually(lambda: point in aws.metrics)
    assert ("AWS/SageMaker", "ApproximateBacklogSizePerInstance", 1.0, dimensions) in aws.metrics
    assert answer["OutputLocation"] not in aws.objects

    variant.scale(1)
    eventually(lambda: answer["OutputLocation"] in aws.objects)
    eventually(lambda: (*point[:2], 0, dimensions) in aws.metrics)


def test_a_request_over_its_ttl_expires(
    aws: Any, queue: Any, variant: Variant, eventually: Any
) -> None:
    """Contracts 5.4; 60 seconds are one second under this time factor."""
    variant.scale(0)
    queue().submit({"Body": b"x", "RequestTTLSeconds": 60})
    reason = eventually(lambda: topic(aws, BAD))[0]["failureReason"]
    assert "waited longer than its RequestTTLSeconds (60)" in reason
    assert "ExpiredRequests" in [name for _, name, *_ in aws.metrics]


@pytest.mark.parametrize(("per_instance", "seconds"), [(1, b"0.5"), (2, b"25")])
def test_concurrency_is_bounded_per_instance(
    aws: Any, queue: Any, eventually: Any, per_instance: int, seconds: bytes
) -> None:
    """Each request waits for the other one, so long."""
    one = queue(per_instance=per_instance)
    answers = [one.submit({"Body": b"wait " + seconds}) for _ in range(2)]
    eventually(lambda: len(topic(aws, OK)) == 2)
    said = {aws.objects[answer["OutputLocation"]] for answer in answers}
    assert said == {b"%d AT ONCE" % per_instance}


def test_what_waits_outlives_another_configuration(
    aws: Any, queue: Any, variant: Variant, eventually: Any
) -> None:
    variant.scale(0)
    one = queue()
    before = one.submit({"Body": b"x"})
    one.configure(configuration(S3OutputPath="s3://elsewhere/", NotificationConfig={}))
    after = one.submit({"Body": b"y"})
    variant.scale(1)
    eventually(lambda: before["OutputLocation"] in aws.objects)
    eventually(lambda: after["OutputLocation"] in aws.objects)
    assert before["OutputLocation"].startswith("s3://out/async/")
    assert after["OutputLocation"].startswith("s3://elsewhere/")
    assert not topic(aws, OK)


def test_a_leased_variant_is_given_back_after_each_request(
    aws: Any, variant: Variant, eventually: Any
) -> None:
    leases: list[str] = []

    @contextmanager
    def lease() -> Iterator[Variant]:
        leases.append("taken")
        yield variant
        leases.append("given back")

    one = AsyncQueue("flights-local-async", configuration(), lambda: variant, lease=lease)
    for body in (b"x", b"y"):
        answer = one.submit({"Body": body})
        eventually(lambda uri=answer["OutputLocation"]: uri in aws.objects)
    eventually(lambda: leases == ["taken", "given back"] * 2)
    one.close()


def test_a_bug_in_one_request_does_not_stop_the_queue(
    aws: Any, queue: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = queue(per_instance=1)
    process = one._delivery.process

    def broken(request: Any, variant: Variant) -> None:
        if request.parameters["Body"] == b"bug":
            raise ZeroDivisionError
        process(request, variant)

    monkeypatch.setattr(one._delivery, "process", broken)
    one.submit({"Body": b"bug"})
    good = one.submit({"Body": b"x"})
    eventually(lambda: good["OutputLocation"] in aws.objects)
