"""What things are called, so that stacks and people find them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The names of one environment of one project."""

    project: str
    environment: str

    @property
    def prefix(self) -> str:
        """`<project>-<environment>`."""
        return f"{self.project}-{self.environment}"

    def stack(self, part: str) -> str:
        """The stack that holds `part`; construct id and stack name are the same."""
        return f"{self.prefix}-{part}"

    def endpoint(self, name: str) -> str:
        """The endpoint, as callers know it: stable, whatever model is behind it."""
        return f"{self.prefix}-{name}"

    def repository(self, container: str) -> str:
        """The ECR repository of one container's images."""
        return f"{self.prefix}/{container}"

    def parameter(self, *path: str) -> str:
        """The SSM parameter that publishes a name to other stacks and to callers."""
        return "/" + "/".join((self.project, self.environment, *path))
