"""What an endpoint is asked to be, as values. Ranges are in `limits`; [T] may be a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aws_cdk import CfnCondition
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from sagemaker_workflow.autoscaling import Scaling as Scaling

Strategy = Literal["canary", "linear", "all_at_once", "rolling"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Instances:
    """Machines that are always there.

    - `instance_type` [T], `count` [T]: two by default, so that one can fail and a canary is
      possible. `allowed_types`: what an `instance_type` parameter may become; each is checked.
    - `volume_gb`: storage per instance. Default: the service's choice.
    - `ami_version`: images built on CUDA 13 need a newer one than the default (contracts 3.3).
    - `startup_timeout_seconds`, `download_timeout_seconds`: how long a container may take to
      answer /ping, and the artifacts to arrive, before the deployment is given up.
    """

    instance_type: str = "ml.m5.xlarge"
    count: int = 2
    allowed_types: Sequence[str] = ()
    volume_gb: int | None = None
    ami_version: str | None = None
    startup_timeout_seconds: int = 600
    download_timeout_seconds: int = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Serverless:
    """Machines that come with the requests: no GPU, no VPC, 4 MB and 60 s a request.

    `memory_mb` [T] in steps of 1024; `max_concurrency` [T] requests at once, more are throttled;
    `provisioned_concurrency` [T] of them kept warm, and paid for.
    """

    memory_mb: int = 2048
    max_concurrency: int = 5
    provisioned_concurrency: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """How an update replaces what serves, and what sends it back.

    - `strategy`: canary (one step, then the rest), linear (equal steps), all_at_once, rolling (in
      place, without a second fleet). Canary and linear need two instances: at one it is all at
      once. Default: the kind's own, canary where there are instances.
    - `step_percent`: of the capacity. Default: one instance.
    - `wait_seconds`: between steps and after the last, while the alarms are watched.
    - `termination_wait_seconds`: the old fleet stays that long after the switch.
    - `timeout_seconds`: the update is rolled back when it takes longer. Default: the waits, and
      an hour.
    - `max_errors` [T]: errors a minute that send it back (also the alarm of every day).
    - `max_latency_ms` [T]: 99th percentile of the model's latency that sends it back.
    - `alarms_active`: when this does not hold, alarms do not stop an update: an alarm that
      already fires would otherwise block its own fix. Default: they always do.
    - `apply_configured_counts`: when this holds, an update sets the configured instance count
      instead of keeping the one that scaling set. Default: never.
    """

    strategy: Strategy | None = None
    step_percent: int | None = None
    wait_seconds: int = 300
    termination_wait_seconds: int = 120
    timeout_seconds: int | None = None
    max_errors: float = 5
    max_latency_ms: float | None = None
    alarms_active: CfnCondition | None = None
    apply_configured_counts: CfnCondition | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """Requests and replies are kept under the prefix, encrypted with the bucket's key."""

    bucket: s3.IBucket
    prefix: str
    sampling_percent: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncResults:
    """Where an asynchronous endpoint puts replies and failures, and whom it tells.

    Replies go to `<prefix>/output/`, failures to `<prefix>/failure/`, requests are read from
    `<prefix>/input/`. Two topics are made, one for each outcome; `notification_email` [T], when
    not empty, is subscribed to both. `include_response` puts replies up to 128 KB into the message.
    """

    bucket: s3.IBucket
    prefix: str
    include_response: bool = False
    max_concurrent_per_instance: int | None = None
    notification_email: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations:
    """What those who run the endpoint need.

    - `key` encrypts volumes, logs and topics. Default: a key of the endpoint's own.
    - `parameter_name`: the SSM parameter that holds the endpoint's name. Default:
      `/sagemaker-workflow/endpoints/<name>`.
    - `alarm_topic` is told when an alarm goes off or is over. Default: nobody.
    - `log_retention`: how long the logs of the containers and of the scaling function are kept.
    - `reserve_concurrency`: the scaling function has one execution of its own; not possible in a
      new account, whose small Lambda quota leaves nothing to reserve.
    """

    key: kms.IKey | None = None
    parameter_name: str | None = None
    alarm_topic: sns.ITopic | None = None
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    reserve_concurrency: bool = True
