"""The optional last argument of a handler function."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class Context:
    """What a handler may ask about its request and set on its response.

    The same names as the context of SageMaker's model servers, where a request is one of a batch
    of one: hence the index arguments.
    """

    def __init__(self, model_dir: Path) -> None:
        self.system_properties = {"model_dir": str(model_dir), "gpu_id": None}
        self.manifest: dict[str, object] = {}
        self.begin({})

    def begin(self, headers: Mapping[str, str]) -> None:
        """Forget the last request."""
        self.request_headers = headers
        self.response_headers: dict[str, str] = {}
        self.status = 200
        self.content_type: str | None = None

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.request_headers.get(key.lower())

    def get_all_request_header(self, idx: int) -> Mapping[str, str]:
        return self.request_headers

    def get_request_id(self, idx: int = 0) -> str:
        return self.request_headers.get("x-amzn-sagemaker-inference-id", "")

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.response_headers[key] = value

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.content_type = value

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status = code
