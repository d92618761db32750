"""Where trained models wait for approval."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct


class ModelPackageGroup(Construct):
    """A group in the model registry holds the versions of one model.

    Attributes: resource, name.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Make the group.

        :param name: known to whoever follows the group
        :param removal_policy: what happens to it when the stack goes. Default: it stays
        """
        super().__init__(scope, id_)
        self.name = name
        self.resource = sagemaker.CfnModelPackageGroup(
            self, "Resource", model_package_group_name=name
        )
        self.resource.apply_removal_policy(removal_policy)
