"""Captured requests as the developer guide writes them down ("Capture data")."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local_aws import adapter
from local_aws.runtime.capture import Capture, Message

ROLE = "arn:aws:iam::222233334444:role/execution"
CONFIG: dict[str, Any] = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://captured/here/",
    "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
    "CaptureContentTypeHeader": {
        "CsvContentTypes": ["text/csv"],
        "JsonContentTypes": ["application/json"],
    },
}
REQUEST = Message(body=b"1,2", content_type="text/csv")
ANSWER = Message(body=b'{"a": 1}', content_type="application/json; charset=utf-8")


@pytest.fixture(autouse=True)
def _seldom(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are written when a capture is closed, so a test sees one object."""
    monkeypatch.setattr(adapter, "scaled", lambda seconds: seconds)


def _captured(aws: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for body in aws.objects.values() for line in body.splitlines()]


def test_a_record_has_the_documented_shape_and_place(aws: Any) -> None:
    capture = Capture("flights", CONFIG)
    capture.record(
        "primary", ROLE, REQUEST, ANSWER, inference_id="mine", custom_attributes="trace=1"
    )
    capture.record("shadow", ROLE, REQUEST, ANSWER)
    capture.close()
    pattern = r"s3://captured/here/flights/(primary|shadow)/\d{4}/\d\d/\d\d/\d\d/[\w-]+\.jsonl"
    assert [bool(re.fullmatch(pattern, uri)) for uri in aws.objects] == [True, True]
    record = _captured(aws)[0]
    assert record["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": "1,2",
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "application/json; charset=utf-8",
            "mode": "OUTPUT",
            "data": '{"a": 1}',
            "encoding": "JSON",
        },
    }
    metadata = record["eventMetadata"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])
    assert (metadata["inferenceId"], metadata["customAttributes"]) == ("mine", ["trace=1"])
    assert record["eventVersion"] == "0"


@pytest.mark.parametrize(
    ("mode", "kept"), [("Input", {"endpointInput"}), ("Output", {"endpointOutput"})]
)
def test_only_what_is_asked_for_is_captured(aws: Any, mode: str, kept: set[str]) -> None:
    """API, CaptureMode."""
    capture = Capture("flights", CONFIG | {"CaptureOptions": [{"CaptureMode": mode}]})
    capture.record("primary", ROLE, REQUEST, ANSWER)
    capture.close()
    assert set(_captured(aws)[0]["captureData"]) == kept


def test_what_no_list_names_is_base64(aws: Any) -> None:
    """API, CaptureContentTypeHeader: without a header for it, the data is base64 encoded."""
    capture = Capture("flights", {k: v for k, v in CONFIG.items() if "Header" not in k})
    capture.record("primary", ROLE, REQUEST, ANSWER)
    capture.close()
    data = _captured(aws)[0]["captureData"]
    assert {part["encoding"] for part in data.values()} == {"BASE64"}
    assert data["endpointInput"]["data"] == "MSwy"


def test_a_request_that_was_under_way_when_it_closed_is_written(aws: Any, eventually: Any) -> None:
    """Its answer comes after another configuration has taken over."""
    capture = Capture("flights", CONFIG)
    capture.close()
    capture.record("primary", ROLE, REQUEST, ANSWER)
    eventually(lambda: list(aws.objects))
    assert len(_captured(aws)) == 1


def test_the_sample_is_the_share_that_was_asked_for(aws: Any) -> None:
    """API, InitialSamplingPercentage."""
    capture = Capture("flights", CONFIG | {"InitialSamplingPercentage": 30})
    assert sum(capture.take() for _ in range(100)) == 30
    capture.close()


def test_objects_are_encrypted_with_the_key(aws: Any) -> None:
    """API, DataCaptureConfig.KmsKeyId."""
    capture = Capture("flights", CONFIG | {"KmsKeyId": "alias/mine"})
    capture.record("primary", ROLE, REQUEST, ANSWER)
    capture.close()
    (arguments,) = aws.object_arguments.values()
    assert arguments["SSEKMSKeyId"] == "alias/mine"


def test_a_role_that_may_not_write_is_named_in_the_log(aws: Any) -> None:
    """contracts 13.2: s3:PutObject for data capture."""
    aws.denied.add("s3:PutObject")
    capture = Capture("flights", CONFIG)
    capture.record("primary", ROLE, REQUEST, ANSWER)
    capture.close()
    assert capture.working is False
    group = "/aws/sagemaker/Endpoints/flights"
    (line,) = aws.logs[group, "primary/data-capture"]
    assert line.startswith("data capture lost 1 record: ")
    assert "s3:PutObject" in line
