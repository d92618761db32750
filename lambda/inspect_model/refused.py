"""The one way this function says no."""

from __future__ import annotations


class ModelRefused(Exception):  # noqa: N818  Step Functions shows this name to a person
    """Why an archive is not registered, in one sentence."""
