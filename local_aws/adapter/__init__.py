"""The only place that touches ministack's internals, and all that our services need of it.

ministack is imported when a function is called, so importing this package needs no ministack. Every
internal it relies on is named in tests/integration/local_aws/platform/test_ministack_internals.py.
"""

from local_aws.adapter.cloudformation import register_cloudformation_type
from local_aws.adapter.credentials import client, role_credentials, role_trusts
from local_aws.adapter.permissions import Denial, denied_actions, role_denial
from local_aws.adapter.process import (
    Settings,
    account,
    endpoint_url,
    on_shutdown,
    region,
    scaled,
    state_dir,
)
from local_aws.adapter.schedules import next_cron
from local_aws.adapter.services import register_service
from local_aws.adapter.signals import put_event, put_metric
from local_aws.adapter.stepfunctions import register_state_task
from local_aws.adapter.types import Request, Response, StateTaskError, StopFlag

__all__ = [
    "Denial",
    "Request",
    "Response",
    "Settings",
    "StateTaskError",
    "StopFlag",
    "account",
    "client",
    "denied_actions",
    "endpoint_url",
    "next_cron",
    "on_shutdown",
    "put_event",
    "put_metric",
    "region",
    "register_cloudformation_type",
    "register_service",
    "register_state_task",
    "role_credentials",
    "role_denial",
    "role_trusts",
    "scaled",
    "state_dir",
]
