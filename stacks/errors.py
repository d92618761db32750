"""What a person can put right, as opposed to what is wrong with the code."""

from __future__ import annotations


class UserError(Exception):
    """Its text says what is wrong and what to do; it is shown without a stack trace."""
