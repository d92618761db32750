"""Small stand-ins for AWS services, for tests of code that calls them through boto3."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError


def refused(code: str, message: str, operation: str = "Operation", **more: Any) -> ClientError:
    """A service's refusal, as boto3 raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, operation)


class Paginated:
    """A service whose list operations have one page each."""

    def __init__(self, **pages: Callable[..., dict[str, Any]]) -> None:
        self._pages = pages
        for name, page in pages.items():
            setattr(self, name, page)

    def get_paginator(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda **k: iter([self._pages[name](**k)]))
