"""One stack per endpoint: what the approved package names, and the way it is served."""

from stacks.endpoint.stack import EndpointStack

__all__ = ["EndpointStack"]
