"""Functions that fail with the name of what they raised, as the service answers it."""

import re
from typing import Any

_UNNAMED = "Runtime.HandlerError"


def install() -> None:
    """`errorType` of a failed Python function is its exception's class: Catch matches it.

    ministack answers one fixed name; the class is in the trace it writes to the log.
    """
    from ministack.services import lambda_svc

    execute = lambda_svc._execute_function_warm

    def execute_function_warm(*args: Any, **kwargs: Any) -> Any:
        result = execute(*args, **kwargs)
        if isinstance(result, dict) and result.get("error"):
            body = result.get("body")
            if isinstance(body, dict) and body.get("errorType") == _UNNAMED:
                name = raised(str(body.get("errorMessage", "")), str(result.get("log", "")))
                body["errorType"] = name or _UNNAMED
        return result

    lambda_svc._execute_function_warm = execute_function_warm


def raised(message: str, log: str) -> str | None:
    """The class of the exception with this message in a Python trace, None if there is none."""
    first = message.split("\n", 1)[0]
    end = f": {re.escape(first)}" if first else "$"
    found = re.findall(rf"^(?:\w+\.)*(\w+){end}", log, re.MULTILINE)
    return found[-1] if found else None
