"""Endpoints asked for predictions, whatever their kind, on real AWS and here alike."""

from ops.endpoints.answers import Answer, content_type_of, first_prediction, refusal
from ops.endpoints.ask import ask
from ops.endpoints.asynchronous import collect
from ops.endpoints.found import Endpoint, askable, kind_of, resolve
from ops.endpoints.sdk import ask_with_sdk
from ops.endpoints.stream import readable, stream

__all__ = [
    "Answer",
    "Endpoint",
    "ask",
    "ask_with_sdk",
    "askable",
    "collect",
    "content_type_of",
    "first_prediction",
    "kind_of",
    "readable",
    "refusal",
    "resolve",
    "stream",
]
