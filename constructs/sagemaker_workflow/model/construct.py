"""A SageMaker model, made after everything its role may do."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnCondition
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.model.faults import model_faults, region_faults
from sagemaker_workflow.model.spec import (
    ModelContainer,
    ModelNetwork,
    ModelPackage,
    environment_of,
)
from sagemaker_workflow.model_data import ModelData
from sagemaker_workflow.place import keep_place
from sagemaker_workflow.roles import ExecutionRole


class Model(Construct):
    """A SageMaker model exists, under a generated name, made after every policy of its role.

    Containers have no network unless `isolated` is off, which a serverless endpoint needs: the
    service does not support isolation there. The role can pull the images and read the artifacts.

    >>> Model(self, "Churn", serves=ModelContainer(image=image, data=data))  # doctest: +SKIP
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        serves: ModelPackage | ModelContainer | Sequence[ModelContainer],
        role: ExecutionRole | None = None,
        network: ModelNetwork | None = None,
        isolated: bool = True,
        direct_invocation: bool = False,
        condition: CfnCondition | None = None,
    ) -> None:
        """Make the model.

        :param serves: one container, several (a pipeline, in order), or a package of the registry
        :param role: what the containers may do. Default: a role of its own
        :param network: a VPC to run in. Default: SageMaker's own network
        :param isolated: containers reach no network at all
        :param direct_invocation: each of several containers is invoked by its hostname, instead
            of all in a row
        :param condition: the model, and every endpoint of it, exists only when this holds
        """
        super().__init__(scope, id_)
        self.containers = _containers(serves)
        self.package = serves if isinstance(serves, ModelPackage) else None
        self.network = network
        self.isolated = isolated
        self.condition = condition
        faults = Faults(of=lambda: f"model {self.node.path}")
        faults.extend(
            model_faults(
                self.containers, self.package, network, direct_invocation=direct_invocation
            )
        )
        faults.extend(region_faults(self.images, keep_place(self, scope).region))
        faults.raise_any()
        if role is None:
            role = ExecutionRole(self, "Role", kind="hosting", begin=self._grant)
        else:
            with role.at_once():
                self._grant(role)
        self.role = role
        self._resource = self._build_model(direct_invocation)
        self.role.make_wait(self._resource)
        if condition is not None:
            self._resource.cfn_options.condition = condition

    @property
    def name(self) -> str:
        """The generated name, a reference."""
        return self._resource.attr_model_name

    @property
    def uses_data_source(self) -> bool:
        """True when artifacts are unpacked objects, which not every kind of endpoint takes."""
        return any(
            one.data is not None and not one.data.compressed and not one.multi_model
            for one in self.containers
        )

    @property
    def is_multi_model(self) -> bool:
        return any(one.multi_model for one in self.containers)

    @property
    def images(self) -> tuple[ContainerImage, ...]:
        """Where its containers may come from."""
        if self.package is not None:
            return tuple(self.package.images)
        return tuple(one.image for one in self.containers)

    @property
    def needs_gpu(self) -> bool:
        """True when every image it may run was built for a GPU."""
        return bool(self.images) and all(one.processor == "gpu" for one in self.images)

    @property
    def needs_x86(self) -> bool:
        """True when no image it may run was built for a Graviton processor."""
        return bool(self.images) and all(one.architecture == "x86_64" for one in self.images)

    def _grant(self, role: ExecutionRole) -> None:
        for image in self.images:
            image.grant_pull(role)
        for container in self.containers:
            if container.data is not None:
                container.data.grant_read(role)
        for bucket, prefix in self.package.artifacts if self.package else ():
            role.grant_read_named(bucket, prefix)  # the package names its archive
        if self.network is not None:
            role.grant_network()

    def _build_model(self, direct_invocation: bool) -> sagemaker.CfnModel:
        definitions = [_definition(one) for one in self.containers]
        primary = definitions[0] if len(definitions) == 1 else None
        if self.package is not None:
            primary = sagemaker.CfnModel.ContainerDefinitionProperty(
                model_package_name=self.package.arn
            )
        mode = "Direct" if direct_invocation else "Serial"
        several = len(definitions) > 1
        return sagemaker.CfnModel(
            self,
            "Resource",
            execution_role_arn=self.role.role_arn,
            primary_container=primary,
            containers=definitions if several else None,
            inference_execution_config=(
                sagemaker.CfnModel.InferenceExecutionConfigProperty(mode=mode) if several else None
            ),
            enable_network_isolation=self.isolated,
            vpc_config=self._vpc_config(),
        )

    def _vpc_config(self) -> sagemaker.CfnModel.VpcConfigProperty | None:
        if self.network is None:
            return None
        chosen = self.network.subnets or ec2.SubnetSelection(
            subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS
        )
        return sagemaker.CfnModel.VpcConfigProperty(
            subnets=self.network.vpc.select_subnets(
                subnet_type=chosen.subnet_type,
                subnets=chosen.subnets,
                subnet_group_name=chosen.subnet_group_name,
                availability_zones=chosen.availability_zones,
                one_per_az=chosen.one_per_az,
                subnet_filters=chosen.subnet_filters,
            ).subnet_ids,
            security_group_ids=[one.security_group_id for one in self.network.security_groups],
        )


def _containers(
    serves: ModelPackage | ModelContainer | Sequence[ModelContainer],
) -> tuple[ModelContainer, ...]:
    if isinstance(serves, ModelPackage):
        return ()
    return (serves,) if isinstance(serves, ModelContainer) else tuple(serves)


def _definition(container: ModelContainer) -> sagemaker.CfnModel.ContainerDefinitionProperty:
    data = container.data
    as_url = data is not None and (data.compressed or container.multi_model)
    return sagemaker.CfnModel.ContainerDefinitionProperty(
        image=container.image.uri,
        model_data_url=data.uri if data and as_url else None,
        model_data_source=_source(data) if data and not as_url else None,
        environment=environment_of(container) or None,
        container_hostname=container.hostname,
        mode="MultiModel" if container.multi_model else None,
    )


def _source(data: ModelData) -> sagemaker.CfnModel.ModelDataSourceProperty:
    return sagemaker.CfnModel.ModelDataSourceProperty(
        s3_data_source=sagemaker.CfnModel.S3DataSourceProperty(
            s3_uri=data.uri, s3_data_type="S3Prefix", compression_type="None"
        )
    )
