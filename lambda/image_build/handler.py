"""Answer CloudFormation about an image: it is there, it was built, or why it could not be.

Called twice for each build: by CloudFormation, to start it, and by EventBridge when it has ended.
So no function waits for a build, and a build that dies without a word is heard of too.
"""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import Any

from image_build import builds

log = logging.getLogger()
log.setLevel(logging.INFO)

Event = dict[str, Any]


def handler(event: Event, context: Any) -> None:
    """Start what CloudFormation asks for, or tell it how a build ended."""
    if "RequestType" not in event:
        ended(event)
        return
    # Without an answer the stack waits for an hour, so every fault is one.
    try:
        asked(event)
    except Exception as fault:
        log.exception("could not act")
        _answer(event, _physical_id(event["ResourceProperties"]), reason=str(fault))


def asked(event: Event) -> None:
    """Nothing is to be done, and CloudFormation knows it, or a build runs."""
    wanted = event["ResourceProperties"]
    image = _physical_id(wanted)
    if event["RequestType"] == "Delete":
        # Whether images go is the repository's to say: an endpoint may still run this one.
        _answer(event, event["PhysicalResourceId"], data={})
    elif digest := builds.digest(wanted["Repository"], wanted["Tag"]):
        _answer(event, image, data={"ImageDigest": digest})
    else:
        log.info("build %s of %s", builds.start(event), image)


def ended(event: Event) -> None:
    """CloudFormation knows how the build ended. Raises, and is called again, when it cannot."""
    build, variables = builds.describe(event["detail"]["build-id"])
    request, image = json.loads(variables["REQUEST"]), _image(variables)
    digest = builds.digest(variables["REPOSITORY"], variables["TAG"])
    if digest:
        # However this build ended: under an immutable tag is what was asked for.
        _answer(request, image, data={"ImageDigest": digest})
        return
    reason = f"the build of {image} ended as {build['buildStatus']}: {builds.last_lines(build)}"
    _answer(request, image, reason=reason)


def _physical_id(properties: dict[str, str]) -> str:
    return f"{properties['Repository']}:{properties['Tag']}"


def _image(variables: dict[str, str]) -> str:
    return f"{variables['REPOSITORY']}:{variables['TAG']}"


def _answer(
    request: Event, physical_id: str, *, data: dict[str, str] | None = None, reason: str = ""
) -> None:
    status = "FAILED" if data is None else "SUCCESS"
    log.info("%s %s %s", physical_id, status, reason)
    body = {
        "Status": status,
        "Reason": reason[:1000],
        "PhysicalResourceId": physical_id,
        "StackId": request["StackId"],
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "Data": data or {},
    }
    # A presigned URL of CloudFormation's own bucket; it was signed without a content type.
    put = urllib.request.Request(  # noqa: S310
        request["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},
    )
    with urllib.request.urlopen(put, timeout=30):  # noqa: S310
        pass
