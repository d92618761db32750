"""Policies carried out: while an alarm of theirs is in ALARM, capacity follows.

The alarms are CloudWatch's, judged from the metrics of what really ran.
"""

import json
import logging
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import adapter
from local_aws.autoscaling import capacity, decisions, scheduled_actions
from local_aws.autoscaling.errors import ServiceError
from local_aws.autoscaling.scaling import change
from local_aws.autoscaling.store import STORE, Policy, Target

log = logging.getLogger("local_aws.autoscaling")

_LOOK_SECONDS = 15.0
_LEAST_SECONDS = 0.5
_COOLDOWN_SECONDS = 300  # target tracking's default for SageMaker (contracts.md 3.5)


def start() -> None:
    """Policies are carried out from now on, until the server stops."""
    stopped = threading.Event()
    adapter.on_shutdown(stopped.set)

    def watch() -> None:
        while not stopped.wait(max(_LEAST_SECONDS, adapter.scaled(_LOOK_SECONDS))):
            try:
                scheduled_actions.run_due(time.time())
                _look()
            except (BotoCoreError, ClientError, ServiceError) as error:
                log.warning("scaling policies were not looked at: %s", error)
            except Exception:
                log.exception("scaling policies were not looked at")

    threading.Thread(target=watch, name="autoscaling", daemon=True).start()


def _look() -> None:
    if not any(target.policies for target in list(STORE.targets.values())):
        return
    pages = adapter.client("cloudwatch").get_paginator("describe_alarms")
    for page in pages.paginate(StateValue="ALARM", AlarmTypes=["MetricAlarm"]):
        for alarm in page["MetricAlarms"]:
            if alarm.get("ActionsEnabled", True):
                for arn in alarm.get("AlarmActions", []):
                    found = STORE.policy(arn)
                    if found is not None:
                        _try(*found, alarm)


def _try(target: Target, policy: Policy, alarm: dict[str, Any]) -> None:
    try:
        _act(target, policy, alarm)
    except ServiceError as error:  # what it scales is gone; other policies must go on
        log.warning("policy %s was not carried out: %s", policy.name, error)


def _act(target: Target, policy: Policy, alarm: dict[str, Any]) -> None:
    now = capacity.read(target.resource_id, target.dimension)
    if not now.settled:
        return  # SageMaker refuses a second change before the first is done
    wanted = _wanted(policy, alarm, now.desired)
    if wanted is None:
        return
    after = min(max(wanted, target.minimum), target.maximum)
    grows = after > now.desired
    if after == now.desired or _suspended(target, grows) or _cooling(policy, grows):
        return
    cause = f"monitor alarm {alarm['AlarmName']} in state ALARM triggered policy {policy.name}"
    if change(target, now.desired, after, cause):
        if grows:
            policy.last_out = time.monotonic()
        else:
            policy.last_in = time.monotonic()


def _wanted(policy: Policy, alarm: dict[str, Any], current: int) -> int | None:
    recent = json.loads(alarm.get("StateReasonData") or "{}").get("recentDatapoints") or []
    if policy.kind == "TargetTrackingScaling":
        if not recent:
            return None
        wanted = decisions.tracked(current, recent[-1], float(policy.configuration["TargetValue"]))
        lowers = str(alarm["ComparisonOperator"]).startswith("LessThan")
        return min(wanted, current) if lowers else max(wanted, current)
    if not recent:
        return None
    breach = float(recent[-1]) - float(alarm["Threshold"])
    return decisions.stepped(policy.configuration, current, breach)


def _suspended(target: Target, grows: bool) -> bool:
    way = "Out" if grows else "In"
    return target.suspended.get(f"DynamicScaling{way}Suspended", False)


def _cooling(policy: Policy, grows: bool) -> bool:
    """Whether it is too early: growing waits for growing only, shrinking for both."""
    settings = policy.configuration
    if policy.kind == "StepScaling":
        out_seconds = in_seconds = float(settings.get("Cooldown", 0))
    else:
        out_seconds = float(settings.get("ScaleOutCooldown", _COOLDOWN_SECONDS))
        in_seconds = float(settings.get("ScaleInCooldown", _COOLDOWN_SECONDS))
    now = time.monotonic()
    if now - policy.last_out < adapter.scaled(out_seconds):
        return True
    return not grows and now - policy.last_in < adapter.scaled(in_seconds)
