"""The CDK CLI's question whether a stack is done is answered when it is.

The CLI asks, and asks again five seconds later: a stack of half a second would cost five. Its
progress comes from the stack's events, which are answered at once, as are all other clients.
"""

import asyncio
from typing import Any
from urllib.parse import parse_qs

_SECONDS = 20.0  # then it hears that the stack is still on its way
_STEP_SECONDS = 0.05


def install() -> None:
    """Hold DescribeStacks of one stack for the CLI while the stack is in progress."""
    from ministack.services import cloudformation

    answer = cloudformation.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        if name := _waited_for(headers, body):
            loop = asyncio.get_running_loop()
            until = loop.time() + _SECONDS
            while _in_progress(name) and loop.time() < until:
                await asyncio.sleep(_STEP_SECONDS)
        return await answer(method, path, headers, body, query_params)

    cloudformation.handle_request = handle_request


def _waited_for(headers: dict[str, str], body: bytes) -> str:
    """The stack whose end the CLI waits for with this call; empty when it is another call."""
    if "aws-cdk/" not in headers.get("user-agent", "") or b"Action=DescribeStacks&" not in body:
        return ""
    return (parse_qs(body.decode(errors="replace")).get("StackName") or [""])[0]


def _in_progress(name: str) -> bool:
    from ministack.services import cloudformation

    found: dict[str, Any] = cloudformation._stacks.get(name) or next(
        (one for one in cloudformation._stacks.values() if one.get("StackId") == name), {}
    )
    status = str(found.get("StackStatus", ""))
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
