"""Scaling policies go on being carried out, whatever comes and goes beside them."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from local_aws import adapter
from local_aws.autoscaling import scheduled_actions, watch
from local_aws.autoscaling.store import Policy, Store, Target


def _target(number: int, *policies: Policy) -> Target:
    return Target(
        resource_id=f"endpoint/e{number}/variant/v",
        dimension="sagemaker:variant:DesiredInstanceCount",
        arn=f"target-{number}",
        role_arn="",
        minimum=1,
        maximum=2,
        created=datetime.now(UTC),
        suspended={},
        policies={policy.name: policy for policy in policies},
    )


def test_a_policy_is_found_while_another_target_is_registered() -> None:
    store = Store()

    class Registers(str):
        """Another thread registers a target just when this ARN is looked at."""

        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            store.targets["new", ""] = _target(2)
            return str(self) == str(other)

        __hash__ = str.__hash__

    now = datetime.now(UTC)
    first = Policy(name="p", arn=Registers("a"), kind="", configuration={}, created=now)
    second = Policy(name="q", arn="b", kind="", configuration={}, created=now)
    store.targets["e0", ""] = _target(0, first)
    store.targets["e1", ""] = _target(1, second)

    assert store.policy("b") == (store.targets["e1", ""], second)


def test_a_fault_in_one_look_does_not_keep_the_next_from_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, again = [], threading.Event()

    def look() -> None:
        looks.append(1)
        if len(looks) > 1:
            again.set()
        raise KeyError("a description without what it always has")

    stop: list[Any] = []
    monkeypatch.setattr(watch, "_LEAST_SECONDS", 0.01)
    monkeypatch.setattr(watch, "_look", look)
    monkeypatch.setattr(scheduled_actions, "run_due", lambda _now: None)
    monkeypatch.setattr(adapter, "scaled", lambda _seconds: 0.0)
    monkeypatch.setattr(adapter, "on_shutdown", stop.append)
    watch.start()

    assert again.wait(30)
    stop[0]()
