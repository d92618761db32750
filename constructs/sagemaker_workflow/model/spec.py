"""What a model can serve, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.model_data import ModelData


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelContainer:
    """One container: its image, the artifacts it finds in /opt/ml/model, its environment.

    `multi_model` loads archives under the artifacts' prefix on demand, by the request's
    TargetModel. `hostname` names a container that is invoked by itself.
    """

    image: ContainerImage
    data: ModelData | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    hostname: str | None = None
    multi_model: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPackage:
    """A package of the registry, by its ARN, which may be a parameter's value.

    What the package names is known at deployment only, so say what it may name: the `images` its
    containers may come from, and the `artifacts` as (bucket, prefix).
    """

    arn: str
    images: Sequence[ContainerImage]
    artifacts: Sequence[tuple[s3.IBucket, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelNetwork:
    """The VPC the containers are placed in. Default subnets: the private ones with egress."""

    vpc: ec2.IVpc
    security_groups: Sequence[ec2.ISecurityGroup]
    subnets: ec2.SubnetSelection | None = None


def environment_of(container: ModelContainer) -> dict[str, str]:
    """The variables of the artifacts' script, then those given, which win."""
    script = dict(container.data.environment) if container.data else {}
    return {**script, **container.environment}
