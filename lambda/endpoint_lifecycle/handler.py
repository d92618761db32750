"""Answer CloudFormation about one endpoint: is it what was asked for, is it scaled as asked.

`Custom::EndpointDeployed` is `deployed`, `Custom::EndpointScaling` is `scaling`. An event that is
no request of CloudFormation comes from the rule that hears of the endpoint being in service.
"""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import Any

from endpoint_lifecycle import deployed, scaling

log = logging.getLogger()
log.setLevel(logging.INFO)

Event = dict[str, Any]


def handler(event: Event, context: Any) -> None:
    """Do what was asked and tell CloudFormation, also when it went wrong."""
    if "RequestType" not in event:
        log.info("in service: %s", scaling.restore(event))
        return
    properties = event["ResourceProperties"]
    named = (properties.get(key) for key in ("EndpointName", "VariantName", "Phase"))
    physical_id = "/".join(filter(None, named))
    try:
        if properties["Phase"] == "Deployed":
            done = deployed.check(event, context)
        else:
            done = scaling.follow(event, context)
    # Without an answer the stack waits for an hour, so every fault is one.
    except Exception as fault:
        log.exception("could not act")
        where = f"log stream {getattr(context, 'log_stream_name', 'unknown')}"
        _answer(event, physical_id, status="FAILED", reason=f"{fault} ({where})")
    else:
        log.info("%s %s: %s", event["RequestType"], physical_id, done)
        _answer(event, physical_id, status="SUCCESS", reason=done)


def _answer(event: Event, physical_id: str, *, status: str, reason: str) -> None:
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason[:1000],
            "PhysicalResourceId": physical_id,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        }
    ).encode()
    # A presigned URL of CloudFormation's own bucket; it was signed without a content type.
    request = urllib.request.Request(  # noqa: S310
        event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
