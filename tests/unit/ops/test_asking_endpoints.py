"""An endpoint of each kind answers; a refusal is a sentence."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
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
        ({"ProductionVariants": [{"InstanceType": "ml.m5.large"}]}, "real-time"),
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
        describe_endpoint_config=lambda EndpointConfigName: {"ProductionVariants": [{}]},  # noqa: N803
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
    with pytest.raises(OpsError, match="no model has been approved") as told:
        endpoints.resolve(deployment, "later")
    assert "make approve" in (told.value.fix or "")


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
