"""What a kind of endpoint is built from that makes its models itself."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import CfnCondition, Fn, Stack
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import Operations
from stacks import parameters
from stacks.images import Images
from stacks.names import Names


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """The stack's own things: `rollback` holds while alarms count, `group` is the default's.

    It serves `by_default`, or waits until it is started.
    """

    stack: Stack
    endpoint_name: str
    artifacts: s3.IBucket
    region: str
    images: Images
    names: Names
    operations: Operations
    rollback: CfnCondition
    group: str
    by_default: bool

    def image(self, container: str) -> ContainerImage:
        """The container's image as it is now."""
        return self.images.image(self.stack, self.names, container)

    def active(self) -> str:
        """The parameter Active, as text."""
        return parameters.active(self.stack, self.by_default)

    def is_active(self) -> CfnCondition:
        """The condition that the parameter Active is true."""
        return CfnCondition(
            self.stack, "IsServed", expression=Fn.condition_equals(self.active(), "true")
        )
