"""Alarms of ministack's CloudWatch judged as AWS's: by dimensions and periods, as time passes.

ministack itself mixes the metrics of all dimensions, looks at one window, and only when data comes.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from local_aws.adapter import process
from local_aws.alarms import judge

_LOOK_SECONDS = 10.0  # AWS looks once a minute, every ten seconds at high resolution
_LEAST_SECONDS = 0.25


def install() -> None:
    """Judge every alarm on one metric by `local_aws.alarms`; others stay as ministack has them."""
    from ministack.services import cloudwatch

    others = cloudwatch._evaluate_alarm

    def evaluate(alarm: dict[str, Any]) -> None:
        if not alarm.get("MetricName") or alarm.get("ExtendedStatistic"):
            others(alarm)
            return
        points = datapoints(alarm, time.time())
        judged = judge(alarm, points)
        before = alarm["StateValue"]
        if judged is None:
            return
        alarm["StateReasonData"] = json.dumps(
            {
                "version": "1.0",
                "statistic": alarm.get("Statistic"),
                "period": alarm.get("Period"),
                "recentDatapoints": [point for point in points if point is not None],
                "threshold": alarm.get("Threshold"),
            }
        )
        if judged.state == before:
            return
        alarm["StateValue"], alarm["StateReason"] = judged.state, judged.reason
        alarm["StateUpdatedTimestamp"] = int(time.time())
        cloudwatch._record_history(alarm["AlarmName"], before, judged.state, judged.reason)
        cloudwatch._dispatch_alarm_actions(alarm, before, judged.state, judged.reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    cloudwatch._evaluate_alarm = evaluate


async def keep_judging() -> None:
    """Look at all alarms for ever, since data that stops coming changes their state too."""
    from ministack.core.responses import request_scope
    from ministack.services import cloudwatch

    while True:
        await asyncio.sleep(max(_LEAST_SECONDS, process.scaled(_LOOK_SECONDS)))
        with request_scope(process.account(), process.region()):
            cloudwatch._evaluate_all_alarms()


def datapoints(alarm: Mapping[str, Any], now: float) -> list[float | None]:
    """The statistic of each of the alarm's last periods up to now, oldest first; None is missing.

    Periods are shortened by the time factor, and end now instead of on the minute.
    """
    from ministack.services import cloudwatch

    wanted = {item["Name"]: item["Value"] for item in alarm.get("Dimensions") or []}
    count = int(alarm.get("EvaluationPeriods") or 1)
    period = process.scaled(float(alarm.get("Period") or 60))
    buckets: list[list[Any]] = [[] for _ in range(count)]
    for (namespace, name, _), points in list(cloudwatch._metrics.items()):
        if (namespace, name) != (alarm.get("Namespace"), alarm.get("MetricName")):
            continue
        for point in points:
            age = int((now - point["Timestamp"]) // period)
            if 0 <= age < count and point.get("Dimensions", {}) == wanted:
                buckets[count - 1 - age].append(point)
    statistic = str(alarm.get("Statistic") or "Average")
    return [
        float(cloudwatch._calc_stats(bucket)[statistic]) if bucket else None for bucket in buckets
    ]
