"""A SageMaker without the rest of AWS: roles, objects, images and containers are made up here."""

import json
import re
import threading
from collections.abc import Iterator

import pytest
from support.sagemaker_door import Aws
from support.sagemaker_fakes import PATIENCE_SECONDS, FakeVariant

from local_aws import adapter, autoscaling
from local_aws.runtime import hosting
from local_aws.sagemaker import store, training_jobs

UNDER_WAY = re.compile("(create|update|scale|delete|.*-job)-")  # deployments and jobs


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    world = Aws()
    monkeypatch.setattr(FakeVariant, "world", world.containers, raising=False)
    monkeypatch.setattr(hosting, "Variant", FakeVariant)
    monkeypatch.setattr(training_jobs, "run_training_job", world.train)
    monkeypatch.setattr(adapter, "account", lambda: "222233334444")
    monkeypatch.setattr(adapter, "region", lambda: "us-east-1")
    monkeypatch.setattr(adapter, "scaled", lambda seconds: seconds / 1000)
    monkeypatch.setattr(adapter, "client", lambda service, **rest: world.services)
    monkeypatch.setattr(adapter, "role_trusts", lambda role, _principal: role in world.trusted)
    monkeypatch.setattr(
        adapter,
        "denied_actions",
        lambda role, actions, resource: [a for a in actions if a in world.denied],
    )
    monkeypatch.setattr(
        adapter,
        "put_event",
        lambda kind, detail, resources, source="aws.sagemaker": world.events.append(
            {"detail-type": kind, "detail": json.loads(json.dumps(detail)), "resources": resources}
        ),
    )
    monkeypatch.setattr(
        adapter,
        "put_metric",
        lambda namespace, name, value, unit, dimensions, timestamp=None: world.metrics.append(
            (name, value, dict(dimensions))
        ),
    )
    monkeypatch.setattr(
        autoscaling, "registered", lambda resource, dim=None: (resource, dim) in world.registered
    )
    store.clear()
    before = {*threading.enumerate()}
    yield world
    # What is still under way speaks to what stands here for the rest of AWS.
    for thread in {*threading.enumerate()} - before:
        if UNDER_WAY.match(thread.name):
            thread.join(PATIENCE_SECONDS)
    for endpoint in store.endpoints:
        if endpoint.queue is not None:
            endpoint.queue.close()
    store.clear()
