"""An endpoint of each kind answers; a refusal is a sentence."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EventStreamError
from support.aws_fakes import Paginated, refused

from ops import endpoints
from ops.endpoints import Answer, Endpoint
from ops.errors import OpsError
from ops.settings import Deployment

REALTIME = Endpoint(name="shop-dev-realtime", kind="real-time", status="InService")
ASYNC = Endpoint(name="shop-dev-async", kind="async", status="InService")


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"ProductionVariants": [{"ModelName": "m", "InstanceType": "ml.m5.large"}]}, "real-time"),
        ({"ProductionVariants": [{"InstanceType": "ml.m5.large"}]}, "components"),
        ({"ProductionVariants": [{"ServerlessConfig": {"MaxConcurrency": 5}}]}, "serverless"),
        ({"AsyncInferenceConfig": {"OutputConfig": {}}, "ProductionVariants": [{}]}, "async"),
    ],
)
def test_the_kind_is_read_from_the_configuration(config: dict[str, Any], kind: str) -> None:
    assert endpoints.kind_of(config) == kind


@pytest.fixture
def sagemaker(services: dict[str, Any], deployment: Deployment) -> SimpleNamespace:
    """One published endpoint, which exists, and one that has no model yet."""

    def describe_endpoint(EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if EndpointName != "shop-dev-realtime":
            raise refused("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return {"EndpointConfigName": "c", "EndpointStatus": "InService"}

    services["sagemaker"] = SimpleNamespace(
        describe_endpoint=describe_endpoint,
        describe_endpoint_config=lambda EndpointConfigName: {  # noqa: N803
            "ProductionVariants": [{"ModelName": "m"}]
        },
    )
    services["ssm"] = Paginated(
        get_parameters_by_path=lambda Path: {  # noqa: N803
            "Parameters": [
                {"Name": f"{Path}/realtime", "Value": "shop-dev-realtime"},
                {"Name": f"{Path}/later", "Value": "shop-dev-later"},
            ]
        }
    )
    return SimpleNamespace()


@pytest.mark.parametrize("name", ["realtime", "shop-dev-realtime"])
def test_an_endpoint_is_found_by_its_short_and_its_full_name(
    sagemaker: object, deployment: Deployment, name: str
) -> None:
    assert endpoints.resolve(deployment, name) == REALTIME


def test_an_unknown_endpoint_is_refused_with_those_there_are(
    sagemaker: object, deployment: Deployment
) -> None:
    with pytest.raises(OpsError, match="no endpoint called 'churn'") as told:
        endpoints.resolve(deployment, "churn")
    assert told.value.fix == "the workflow's own are: later, realtime"


def test_an_endpoint_without_a_model_says_what_is_missing(
    sagemaker: object, deployment: Deployment
) -> None:
    with pytest.raises(
        OpsError, match="no model has been approved for it, or it is stopped"
    ) as told:
        endpoints.resolve(deployment, "later")
    assert told.value.fix == (
        "make upload FILE=<data.csv>, then make approve; or make start ENDPOINT=later"
    )


@pytest.fixture
def shared(sagemaker: object, services: dict[str, Any]) -> list[dict[str, Any]]:
    """The published endpoint serves two components; the requests they got."""
    asked: list[dict[str, Any]] = []
    names = ("shop-dev-realtime-fraud-check", "shop-dev-realtime-churn")
    services["sagemaker"] = Paginated(
        list_inference_components=lambda EndpointNameEquals: {  # noqa: N803
            "InferenceComponents": [{"InferenceComponentName": name} for name in names]
        }
    )
    services["sagemaker"].describe_endpoint = lambda EndpointName: {  # noqa: N803
        "EndpointConfigName": "c",
        "EndpointStatus": "InService",
    }
    services["sagemaker"].describe_endpoint_config = lambda EndpointConfigName: {  # noqa: N803
        "ProductionVariants": [{"VariantName": "primary", "InstanceType": "ml.m5.large"}]
    }

    def invoke(**request: Any) -> dict[str, Any]:
        asked.append(request)
        return {"Body": io.BytesIO(b"0.9"), "ContentType": "text/csv"}

    services["sagemaker-runtime"] = SimpleNamespace(invoke_endpoint=invoke)
    return asked


@pytest.mark.parametrize("name", ["churn", "shop-dev-realtime-churn"])
def test_a_component_is_asked_by_its_short_and_its_full_name(
    shared: list[dict[str, Any]], deployment: Deployment, name: str
) -> None:
    found = endpoints.resolve(deployment, "realtime", name)
    answer = endpoints.ask(found, b"1,2", content_type="text/csv", accept="text/csv")
    assert answer.body == "0.9"
    assert shared[0]["EndpointName"] == "shop-dev-realtime"
    assert shared[0]["InferenceComponentName"] == "shop-dev-realtime-churn"


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ("", "shop-dev-realtime serves inference components: a request names one"),
        ("chrun", "shop-dev-realtime has no inference component called 'chrun'"),
    ],
)
def test_a_request_names_one_of_the_components_there_are(
    shared: list[dict[str, Any]], deployment: Deployment, component: str, message: str
) -> None:
    with pytest.raises(OpsError) as told:
        endpoints.resolve(deployment, "realtime", component)
    assert told.value.message == message
    assert told.value.fix == "its own are: churn, fraud-check (COMPONENT=<name>)"


def test_every_component_can_be_asked_in_turn(
    shared: list[dict[str, Any]], deployment: Deployment
) -> None:
    found = endpoints.askable(deployment, "realtime")
    assert [one.asked for one in found] == [
        "shop-dev-realtime-churn",
        "shop-dev-realtime-fraud-check",
    ]


def test_an_endpoint_of_models_has_no_components(sagemaker: object, deployment: Deployment) -> None:
    with pytest.raises(OpsError) as told:
        endpoints.resolve(deployment, "realtime", "churn")
    assert told.value.message == "shop-dev-realtime has no inference components, 'churn' neither"
    assert told.value.fix == "ask it without COMPONENT"


def test_a_stream_is_passed_on_part_by_part(services: dict[str, Any]) -> None:
    requests: list[dict[str, Any]] = []
    passed: list[bytes] = []

    def parts() -> Iterator[dict[str, Any]]:
        for part in (b"one", b"two"):
            yield {"PayloadPart": {"Bytes": part}}
            assert passed[-1] == part

    def invoke(**request: Any) -> dict[str, Any]:
        requests.append(request)
        return {"Body": parts()}

    services["sagemaker-runtime"] = SimpleNamespace(invoke_endpoint_with_response_stream=invoke)
    found = replace(REALTIME, component="shop-dev-realtime-chat")
    for part in endpoints.stream(found, b"{}", content_type="application/json", accept="*/*"):
        passed.append(part)
    assert passed == [b"one", b"two"]
    assert requests[0]["InferenceComponentName"] == "shop-dev-realtime-chat"


def test_a_stream_that_breaks_off_says_why(services: dict[str, Any]) -> None:
    def parts() -> Iterator[dict[str, Any]]:
        yield {"PayloadPart": {"Bytes": b"one"}}
        error = {"Error": {"Code": "ModelStreamError", "Message": "the container ended"}}
        raise EventStreamError(error, "InvokeEndpointWithResponseStream")  # type: ignore[arg-type]

    services["sagemaker-runtime"] = SimpleNamespace(
        invoke_endpoint_with_response_stream=lambda **_: {"Body": parts()}
    )
    answer = endpoints.stream(REALTIME, b"{}", content_type="text/csv", accept="*/*")
    assert next(answer) == b"one"
    with pytest.raises(OpsError, match="broke off its answer: the container ended"):
        next(answer)


def test_an_asynchronous_endpoint_streams_nothing() -> None:
    with pytest.raises(OpsError, match="shop-dev-async is asynchronous and answers in S3"):
        next(endpoints.stream(ASYNC, b"1", content_type="text/csv", accept="*/*"))


EVENTS = (
    'data: {"choices": [{"text": "Es "}]}\n\n'
    'data: {"choices": [{"delta": {"content": "wär"}}]}\n\n'
    "data: [DONE]\n\n"
)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("sent", "shown"),
    [(EVENTS, "Es wär"), ("0.1\n0.2", "0.1\n0.2"), ("data: odd\n", "data: odd\n"), ("", "")],
)
def test_a_stream_is_readable_wherever_its_parts_end(sent: str, shown: str, size: int) -> None:
    raw = sent.encode()
    parts = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert "".join(endpoints.readable(parts)) == shown


def test_text_that_is_no_event_is_shown_at_once() -> None:
    assert next(endpoints.readable(iter([b"dat", b"e 1"]))) == "date 1"


def test_a_request_the_model_refuses_is_told_in_its_own_words(services: dict[str, Any]) -> None:
    fault = refused(
        "ModelError",
        "Received client error (400)",
        OriginalStatusCode=400,
        OriginalMessage="column 'carrier': 'XX' is unknown",
    )
    told = endpoints.refusal(REALTIME, fault)
    assert told.message == (
        "the model behind shop-dev-realtime answered 400: column 'carrier': 'XX' is unknown"
    )
    assert told.fix == "correct the request"


def test_a_broken_model_shows_where_its_log_is(services: dict[str, Any]) -> None:
    services["logs"] = Paginated(
        describe_log_streams=lambda **_: {"logStreams": [{"logStreamName": "s"}]}
    )
    services["logs"].get_log_events = lambda **_: {
        "events": [{"timestamp": 1, "message": "ZeroDivisionError"}]
    }
    told = endpoints.refusal(REALTIME, refused("ModelError", "boom", OriginalStatusCode=500))
    assert told.log == ["ZeroDivisionError"]
    assert "/aws/sagemaker/Endpoints/shop-dev-realtime" in (told.fix or "")


class Store:
    """S3 whose objects appear after some looks."""

    def __init__(self, objects: dict[str, str], after: int) -> None:
        self.objects, self.looks, self.after = objects, 0, after

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.looks += 1
        if self.looks <= self.after or Key not in self.objects:
            raise refused("AccessDenied" if self.looks % 2 else "NoSuchKey", "no such key")
        return {"Body": io.BytesIO(self.objects[Key].encode()), "ContentType": "text/csv"}


ACCEPTED = {"OutputLocation": "s3://b/out/1.out", "FailureLocation": "s3://b/fail/1-error.out"}


def test_an_asynchronous_answer_is_awaited(services: dict[str, Any]) -> None:
    services["s3"] = Store({"out/1.out": "1,0.9"}, after=3)
    answer = endpoints.collect(ASYNC, ACCEPTED, begun=0)
    assert (answer.body, answer.where) == ("1,0.9", "s3://b/out/1.out")


def test_an_asynchronous_failure_is_told_from_its_failure_location(
    services: dict[str, Any],
) -> None:
    services["s3"] = Store({"fail/1-error.out": "ragged row 3"}, after=0)
    services["logs"] = Paginated(describe_log_streams=lambda **_: {"logStreams": []})
    with pytest.raises(OpsError, match="could not process the request: ragged row 3"):
        endpoints.collect(ASYNC, ACCEPTED, begun=0)


def test_refuses_a_file_whose_ending_says_nothing() -> None:
    with pytest.raises(OpsError, match=r"request\.txt: its ending"):
        endpoints.content_type_of(Path("request.txt"))


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"predictions":[{"label":"1","probabilities":{"0":0.3,"1":0.7}}]}', "1 (p 0.70)"),
        ('{"predictions":[{"value":12.345678}]}', "12.35"),
        ("0,0.81,0.19\n1,0.2,0.8\n", "0,0.81,0.19"),
        ("", "nothing"),
    ],
)
def test_the_first_prediction_fits_into_a_table(body: str, shown: str) -> None:
    assert endpoints.first_prediction(Answer(body=body, content_type="", milliseconds=1)) == shown
