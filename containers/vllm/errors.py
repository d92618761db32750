"""A fault that a person can mend."""


class WrapperError(Exception):
    """The server cannot be started; the message says why and what to change."""
