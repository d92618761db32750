"""What other threads see and hear while a resource changes: whole steps, in their order."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.sagemaker_door import Aws
from support.sagemaker_fakes import PATIENCE_SECONDS, FakeVariant

from local_aws import adapter
from local_aws.cloudformation import endpoint as endpoint_type
from local_aws.cloudformation.types import TYPES
from local_aws.runtime.training import TrainingOutcome
from local_aws.sagemaker import events, jobs, store
from local_aws.sagemaker.deployment.traffic import Balancer
from local_aws.sagemaker.outbox import Outbox

WHERE: dict[str, Any] = {"stack_name": "s", "logical_id": "Thing"}
(ENDPOINT,) = (kind for kind in TYPES if kind.noun == "Endpoint")


def _statuses(aws: Aws) -> list[str]:
    wanted = "SageMaker Endpoint State Change"
    return [e["detail"]["EndpointStatus"] for e in aws.events if e["detail-type"] == wanted]


def _locked() -> bool:
    """Whether no other thread may touch the store now."""
    got: list[bool] = []

    def ask() -> None:
        got.append(store.lock.acquire(blocking=False))
        if got[0]:
            store.lock.release()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return not got[0]


def _scale(aws: Aws, name: str) -> None:
    wanted = [{"VariantName": "primary", "DesiredInstanceCount": 2}]
    aws.call(
        "UpdateEndpointWeightsAndCapacities", EndpointName=name, DesiredWeightsAndCapacities=wanted
    )


def test_events_come_in_the_order_of_what_happened(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sees InService may update at once, before that has been told."""
    go, put = threading.Event(), adapter.put_event

    def slowly(kind: str, detail: Any, **rest: Any) -> None:
        if detail["EndpointStatus"] == "IN_SERVICE":
            go.wait(PATIENCE_SECONDS)
        put(kind, detail, **rest)

    monkeypatch.setattr(adapter, "put_event", slowly)
    aws.endpoint("flights")
    _scale(aws, "flights")
    aws.settled("flights")
    go.set()
    wanted = ["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE"]
    aws.eventually(lambda: len(_statuses(aws)) == len(wanted))
    assert _statuses(aws) == wanted


def test_an_event_that_cannot_be_told_does_not_keep_the_next_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[str] = []
    outbox = Outbox()
    outbox.add(lambda: told.append(str(1 // 0)))
    outbox.add(lambda: told.append("next"))
    outbox.send()
    assert told == ["next"]
    assert "an event was lost" in caplog.text


def test_a_training_job_ends_in_one_step(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for SecondaryStatus finds the reason beside it."""
    aws.training = TrainingOutcome(
        status="Failed", secondary_status="Failed", failure_reason="AlgorithmError: no target"
    )
    before: list[tuple[str, str]] = []
    changing = jobs.changing

    @contextmanager
    def seen(kind: jobs.Kind, job: store.Job) -> Iterator[dict[str, Any]]:
        before.append((job.record["TrainingJobStatus"], job.record["SecondaryStatus"]))
        with changing(kind, job) as record:
            yield record

    monkeypatch.setattr(jobs, "changing", seen)
    aws.call("CreateTrainingJob", **aws.training_job())
    job = store.training_jobs.get("job")
    assert job is not None
    aws.eventually(lambda: job.record["TrainingJobStatus"] == "Failed")
    assert before[-1] == ("InProgress", "Training")
    assert job.record["SecondaryStatus"] == "Failed"
    assert job.record["SecondaryStatusTransitions"][-1]["StatusMessage"].endswith("no target")


def test_a_job_whose_tags_are_refused_is_not_there(aws: Aws) -> None:
    twice = [{"Key": "team", "Value": "a"}, {"Key": "team", "Value": "b"}]
    error = aws.refusal("CreateTrainingJob", **aws.training_job(Tags=twice))
    assert "unique" in error.message
    assert aws.call("ListTrainingJobs")["TrainingJobSummaries"] == []


def test_a_fleet_is_forgotten_while_nobody_shares_out_requests(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget, locked = Balancer.forget, []

    def looked_at(self: Balancer, fleet: Any) -> None:
        locked.append(_locked())
        forget(self, fleet)

    monkeypatch.setattr(Balancer, "forget", looked_at)
    aws.endpoint("flights")
    aws.config("flights-2")
    aws.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="flights-2")
    aws.settled("flights")
    assert locked == [True]


class _Metadata(dict[str, str]):
    """A part of a record that takes note of whether it is copied undisturbed."""

    def __deepcopy__(self, memo: Any) -> dict[str, str]:
        self["locked"] = str(_locked())
        return dict(self)


def test_a_package_is_copied_while_nobody_changes_it(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(events, "model_package", told.append)
    made = aws.call(
        "CreateModelPackage",
        ModelPackageName="p",
        InferenceSpecification={
            "Containers": [{"Image": aws.image, "ModelDataUrl": aws.model_data}]
        },
    )["ModelPackageArn"]
    record = store.model_packages.get(made)
    assert record is not None
    assert told[0] is not record
    record["CustomerMetadataProperties"] = _Metadata()
    described = aws.call("DescribeModelPackage", ModelPackageName=made)
    assert described["CustomerMetadataProperties"] == {"locked": "True"}
    aws.call("UpdateModelPackage", ModelPackageArn=made, ModelApprovalStatus="Approved")
    assert told[1] is not record


def test_a_stack_takes_an_endpoint_that_is_scaled_as_soon_as_it_serves(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(FakeVariant, "scale", lambda _self, _count: go.wait(PATIENCE_SECONDS))
    aws.model()
    aws.config("c1")
    wait = endpoint_type._wait

    def waited(endpoint: Any) -> None:
        wait(endpoint)
        _scale(aws, endpoint.name)

    with monkeypatch.context() as patched:
        patched.setattr(endpoint_type, "_wait", waited)
        arn, _ = ENDPOINT.create({"EndpointName": "e", "EndpointConfigName": "c1"}, **WHERE)
    assert arn.endswith(":endpoint/e")
    go.set()
    assert aws.settled("e")["EndpointStatus"] == "InService"


def test_a_stack_deletes_an_endpoint_that_is_scaled_just_then(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(FakeVariant, "scale", lambda _self, _count: go.wait(PATIENCE_SECONDS))
    aws.model()
    aws.config("c1")
    arn, _ = ENDPOINT.create({"EndpointName": "e", "EndpointConfigName": "c1"}, **WHERE)
    wait, scaled = endpoint_type._wait, []

    def waited(endpoint: Any) -> None:
        wait(endpoint)
        if not scaled:
            scaled.append(endpoint)
            _scale(aws, endpoint.name)
            threading.Timer(0.2, go.set).start()

    monkeypatch.setattr(endpoint_type, "_wait", waited)
    ENDPOINT.delete(arn, {}, **WHERE)
    assert aws.call("ListEndpoints")["Endpoints"] == []


def test_a_stack_does_not_wait_for_an_endpoint_that_somebody_else_deletes(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.model()
    aws.config("c1")
    arn, _ = ENDPOINT.create({"EndpointName": "e", "EndpointConfigName": "c1"}, **WHERE)
    found = endpoint_type.require("e")
    aws.call("DeleteEndpoint", EndpointName="e")
    aws.eventually(lambda: store.endpoints.get("e") is None)
    monkeypatch.setattr(endpoint_type, "require", lambda _name: found)
    deleting = threading.Thread(target=lambda: ENDPOINT.delete(arn, {}, **WHERE), daemon=True)
    deleting.start()
    deleting.join(PATIENCE_SECONDS)
    assert not deleting.is_alive()
