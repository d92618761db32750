"""An update's deployment config: how traffic moves, and which alarms send it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, CfnCondition, Fn, IResolvable
from constructs import Construct

from sagemaker_workflow.endpoints.limits import ROLLOUT_WORK_SECONDS, rollout_waits
from sagemaker_workflow.endpoints.specs import Rollout, Strategy
from sagemaker_workflow.faults import known

# Steps when no size is given. One instance is at most half of any fleet that may have a canary;
# linear and rolling steps have a lower bound as well, so they get a share (contracts 3.6).
_ONE_INSTANCE = {"Type": "INSTANCE_COUNT", "Value": 1}
_HALF = 50
_MOST_ALTERNATIVES = 10  # of one Fn::Or


def deployment_config(
    scope: Construct, rollout: Rollout, *, alarm_names: Sequence[str], counts: Sequence[int]
) -> Any:
    """Spelt as CloudFormation does; for a fleet that may be as small as any of `counts`.

    A fleet of one cannot be split: it is replaced all at once, still watched by the alarms. What
    a parameter decides is decided in the template (`Fn::If`). No counts: nothing to split.
    """
    strategy = rollout.strategy or "canary"
    single: CfnCondition | bool
    smallest_is_one = any(known(one) and one < 2 for one in counts)
    if strategy == "all_at_once" or not counts or smallest_is_one:
        single = True
    elif unknown := [one for one in counts if not known(one)]:
        single = _any_is_small(scope, unknown)
    else:
        single = False
    blue_green: Any = _blue_green(rollout, "all_at_once")
    rolling: Any = None
    if strategy != "all_at_once" and single is not True:
        stepwise = _rolling(rollout) if strategy == "rolling" else _blue_green(rollout, strategy)
        if strategy == "rolling":
            blue_green, rolling = _choose(single, blue_green, None), _choose(single, None, stepwise)
        else:
            blue_green = _choose(single, blue_green, stepwise)
    config = {
        "BlueGreenUpdatePolicy": blue_green,
        "RollingUpdatePolicy": rolling,
        "AutoRollbackConfiguration": _rollback(rollout, alarm_names),
    }
    said = {name: value for name, value in config.items() if value is not None}
    changing = rollout.change_variants
    return said if changing is None else _choose_by(changing, None, said)


def _any_is_small(scope: Construct, counts: Sequence[int]) -> CfnCondition:
    # Fn::Equals compares text, and a parameter of type Number is text too.
    equal: list[Any] = [Fn.condition_equals(one, few) for one in counts for few in ("0", "1")]
    while len(equal) > _MOST_ALTERNATIVES:
        first, equal = equal[:_MOST_ALTERNATIVES], equal[_MOST_ALTERNATIVES:]
        equal.append(Fn.condition_or(*first))
    return CfnCondition(scope, "SingleInstance", expression=Fn.condition_or(*equal))


def _choose(single: CfnCondition | bool, if_single: Any, otherwise: Any) -> Any:
    if isinstance(single, bool):
        return if_single if single else otherwise
    return _choose_by(single, if_single, otherwise)


def _choose_by(condition: CfnCondition, then: Any, otherwise: Any) -> Any:
    return Fn.condition_if(
        condition.logical_id,
        Aws.NO_VALUE if then is None else then,
        Aws.NO_VALUE if otherwise is None else otherwise,
    )


def _blue_green(rollout: Rollout, strategy: Strategy) -> dict[str, Any]:
    routing: dict[str, Any] = {
        "Type": strategy.upper(),
        "WaitIntervalInSeconds": rollout.wait_seconds,
    }
    if strategy == "canary":
        routing["CanarySize"] = _size(rollout, None)
    if strategy == "linear":
        routing["LinearStepSize"] = _size(rollout, _HALF)
    return {
        "TrafficRoutingConfiguration": routing,
        "TerminationWaitInSeconds": rollout.termination_wait_seconds,
        "MaximumExecutionTimeoutInSeconds": _timeout(rollout, strategy),
    }


def _rolling(rollout: Rollout) -> dict[str, Any]:
    return {
        "MaximumBatchSize": _size(rollout, _HALF),
        "WaitIntervalInSeconds": rollout.wait_seconds,
        "MaximumExecutionTimeoutInSeconds": _timeout(rollout, "rolling"),
    }


def _timeout(rollout: Rollout, strategy: Strategy) -> int:
    waits = rollout_waits(
        strategy,
        rollout.step_percent,
        rollout.wait_seconds,
        rollout.termination_wait_seconds,
    )
    return rollout.timeout_seconds or waits + ROLLOUT_WORK_SECONDS


def _size(rollout: Rollout, default_percent: int | None) -> dict[str, Any]:
    percent = rollout.step_percent or default_percent
    return {"Type": "CAPACITY_PERCENT", "Value": percent} if percent else dict(_ONE_INSTANCE)


def _rollback(rollout: Rollout, alarm_names: Sequence[str]) -> dict[str, Any] | IResolvable | None:
    alarms = {"Alarms": [{"AlarmName": name} for name in alarm_names]}
    if rollout.alarms_active is None:
        return alarms
    return Fn.condition_if(rollout.alarms_active.logical_id, alarms, Aws.NO_VALUE)
