"""What the data plane refuses, and how a model's own error reaches the caller."""

import json
from dataclasses import replace

from support.sagemaker_door import Aws

from local_aws.runtime.containers import RuntimeFailure, Throttled, Timeout, Unavailable

ASYNC = {"OutputConfig": {"S3OutputPath": "s3://out/async/"}}
MB = 1024 * 1024
PATH = "/endpoints/flights/invocations"


def _error(aws: Aws, path: str, body: bytes = b"1", **headers: str) -> tuple[int, str, str]:
    response, whole = aws.http(path, body, **headers)
    answer = json.loads(whole)
    assert response.headers["x-amzn-errortype"] == answer["__type"]
    return response.status, answer["__type"], answer["Message"]


def test_refuses_an_endpoint_that_does_not_exist(aws: Aws) -> None:
    aws.endpoint("flights")
    assert aws.http(PATH)[0].status == 200
    status, code, message = _error(aws, "/endpoints/nobody/invocations")
    assert (status, code) == (400, "ValidationError")
    assert message == "Endpoint nobody of account 222233334444 not found."


def test_refuses_another_spelling_of_the_name(aws: Aws) -> None:
    """contracts.md 3.3: the name must match exactly at invoke."""
    aws.endpoint("flights")
    assert _error(aws, "/endpoints/Flights/invocations")[1] == "ValidationError"


def test_refuses_a_synchronous_call_of_an_async_endpoint(aws: Aws) -> None:
    """contracts.md 5.1: sync call -> ValidationError."""
    aws.endpoint("flights", AsyncInferenceConfig=ASYNC)
    response, _ = aws.http(
        "/endpoints/flights/async-invocations", x_amzn_sagemaker_inputlocation="s3://in/x.csv"
    )
    assert response.status == 202
    status, code, message = _error(aws, PATH)
    assert (status, code) == (400, "ValidationError")
    assert "InvokeEndpointAsync" in message


def test_refuses_an_asynchronous_call_of_a_real_time_endpoint(aws: Aws) -> None:
    """contracts.md, refusals: the reverse."""
    aws.endpoint("flights")
    assert aws.http(PATH)[0].status == 200
    path = "/endpoints/flights/async-invocations"
    assert "not configured for asynchronous" in _error(aws, path)[2]


def test_refuses_more_than_25_mb_on_a_real_time_endpoint(aws: Aws) -> None:
    """contracts.md 3.2: 25 MB."""
    aws.endpoint("flights")
    assert aws.http(PATH, b"x" * 25 * MB)[0].status == 200
    assert "at most" in _error(aws, PATH, b"x" * (25 * MB + 1))[2]


def test_refuses_more_than_4_mb_on_a_serverless_endpoint(aws: Aws) -> None:
    """contracts.md 4: 4 MB request."""
    aws.model()
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant = aws.variant(ServerlessConfig=serverless, InstanceType=None, InitialInstanceCount=None)
    aws.endpoint("flights", variant)
    assert aws.http(PATH, b"x" * 4 * MB)[0].status == 200
    assert "serverless" in _error(aws, PATH, b"x" * (4 * MB + 1))[2]


def test_refuses_an_inline_async_body_over_its_limit(aws: Aws) -> None:
    """contracts.md 5.1: Body inline <= 128000 bytes."""
    aws.endpoint("flights", AsyncInferenceConfig=ASYNC)
    path = "/endpoints/flights/async-invocations"
    assert aws.http(path, b"x" * 128_000)[0].status == 202
    assert "128000" in _error(aws, path, b"x" * 128_001)[2]


def test_refuses_both_and_neither_of_body_and_input_location(aws: Aws) -> None:
    """contracts.md 5.1: both or none -> ValidationError."""
    aws.endpoint("flights", AsyncInferenceConfig=ASYNC)
    path = "/endpoints/flights/async-invocations"
    where = {"x_amzn_sagemaker_inputlocation": "s3://in/x.csv"}
    assert aws.http(path, **where)[0].status == 202
    assert "exactly one" in _error(aws, path, b"x", **where)[2]
    assert "exactly one" in _error(aws, path, b"")[2]


def test_an_async_answer_says_where_the_result_will_be(aws: Aws) -> None:
    """contracts.md 5.1: 202, InferenceId in the body, locations in headers."""
    output = {"S3OutputPath": "s3://out/async/", "S3FailurePath": "s3://out/failed/"}
    aws.endpoint("flights", AsyncInferenceConfig={"OutputConfig": output})
    response, body = aws.http("/endpoints/flights/async-invocations", b"1")
    assert response.status == 202
    assert json.loads(body)["InferenceId"]
    location = response.headers["X-Amzn-SageMaker-OutputLocation"]
    assert location.startswith("s3://out/async/")
    failure = response.headers["X-Amzn-SageMaker-FailureLocation"]
    assert failure.startswith("s3://out/failed/")


def test_refuses_an_unknown_target_variant(aws: Aws) -> None:
    aws.endpoint("flights")
    assert aws.http(PATH, x_amzn_sagemaker_target_variant="primary")[0].status == 200
    assert "has no variant other" in _error(aws, PATH, x_amzn_sagemaker_target_variant="other")[2]


def test_a_models_error_arrives_as_424_with_the_original(aws: Aws) -> None:
    """contracts.md 2.3: ModelError's members and status."""
    aws.endpoint("flights")
    aws.containers.answer = replace(aws.containers.answer, status=400, body=b"no such column")
    response, whole = aws.http(PATH, b"1")
    body = json.loads(whole)
    assert response.status == 424
    assert response.headers["x-amzn-errortype"] == "ModelError"
    assert body["OriginalStatusCode"] == 400
    assert body["OriginalMessage"] == "no such column"
    assert body["LogStreamArn"].endswith("log-group:/aws/sagemaker/Endpoints/flights")
    assert body["Message"].startswith("Received client error (400) from primary")


def test_a_timeout_is_the_models_error(aws: Aws) -> None:
    """contracts.md 2.3: surfaces as ModelError."""
    aws.endpoint("flights")
    aws.containers.error = Timeout("60 s")
    response, whole = aws.http(PATH, b"1")
    assert response.status == 424
    assert "timed out" in json.loads(whole)["Message"]


def test_a_dead_container_is_the_models_error(aws: Aws) -> None:
    aws.endpoint("flights")
    aws.containers.error = RuntimeFailure("the container closed the connection")
    assert aws.http(PATH, b"1")[0].status == 424


def test_no_healthy_container_is_an_unavailable_service(aws: Aws) -> None:
    """contracts.md 2.3: ServiceUnavailable 503, which clients repeat; the model said nothing."""
    aws.endpoint("flights")
    aws.containers.error = Unavailable("no healthy container")
    status, code, _ = _error(aws, PATH)
    assert (status, code) == (503, "ServiceUnavailable")


def test_throttles_above_max_concurrency(aws: Aws) -> None:
    """contracts.md 4: ThrottlingException."""
    aws.endpoint("flights")
    aws.containers.error = Throttled("MaxConcurrency")
    assert _error(aws, PATH)[1] == "ThrottlingException"


def test_counts_and_times_an_invocation_in_microseconds(aws: Aws) -> None:
    """contracts.md 3.5: names, dimensions and units."""
    aws.endpoint("flights", aws.variant(InitialInstanceCount=2) if aws.model() else {})
    aws.http(PATH, b"1")
    found = {name: value for name, value, _ in aws.metrics}
    assert found["Invocations"] == 1
    assert found["InvocationsPerInstance"] == 0.5
    assert found["ModelLatency"] == 1500
    assert found["OverheadLatency"] == 200
    assert found["Invocation5XXErrors"] == 0
    where = {"EndpointName": "flights", "VariantName": "primary"}
    assert all(dimensions == where for _, _, dimensions in aws.metrics)


def test_async_requests_count_as_no_invocation(aws: Aws) -> None:
    """contracts.md 5.5: Invocations is not published for async."""
    aws.endpoint("flights", AsyncInferenceConfig=ASYNC)
    aws.http("/endpoints/flights/async-invocations", b"1")
    assert "Invocations" not in {name for name, _, _ in aws.metrics}


def test_a_stream_arrives_in_parts(aws: Aws) -> None:
    """contracts.md 3.1: each chunk is a PayloadPart; read by botocore's own parser."""
    from botocore.eventstream import EventStreamBuffer

    aws.endpoint("flights")
    response, body = aws.http("/endpoints/flights/invocations-response-stream", b"1")
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    events = [event.to_response_dict() for event in buffer]
    assert [e["headers"][":event-type"] for e in events] == ["PayloadPart", "PayloadPart"]
    assert b"".join(e["body"] for e in events) == b"one two"
    assert response.headers["x-Amzn-Invoked-Production-Variant"] == "primary"
