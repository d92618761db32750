"""What those who run an endpoint need, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """How often instances report, and in how much detail (paid for as custom metrics).

    - `every_seconds`: 10, 30, 60, 120, 180, 240 or 300; of utilization, and with `enhanced` of
      invocations too.
    - `enhanced`: by instance and container, instead of by variant.
    - `detailed`: GPUs and hosts one by one, and what the container itself reports.
    """

    every_seconds: int = 60
    enhanced: bool = False
    detailed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations:
    """What those who run the endpoint need.

    - `key` encrypts volumes, logs and topics. Default: a key of the endpoint's own.
    - `parameter_name`: the SSM parameter that holds the endpoint's name. Default:
      `/sagemaker-workflow/endpoints/<name>`.
    - `alarm_topic` is told when an alarm goes off or is over. Default: nobody.
    - `log_retention`: how long the logs of the containers and of the endpoint's function are kept.
    - `metrics`: more of them, more often. Default: every minute, by variant.
    - `reserve_concurrency`: the endpoint's function has three executions of its own; not possible
      in a new account, whose small Lambda quota leaves nothing to reserve.
    - `dashboard`: a CloudWatch dashboard, `<endpoint>-<region>`.
    """

    key: kms.IKey | None = None
    parameter_name: str | None = None
    alarm_topic: sns.ITopic | None = None
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    reserve_concurrency: bool = True
    dashboard: bool = True
    metrics: Metrics | None = None
