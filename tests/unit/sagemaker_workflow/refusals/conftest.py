"""What the refused are made from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Environment, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.model import Model, ModelContainer, ModelNetwork
from sagemaker_workflow.model_data import ModelData

KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@dataclass
class Given:
    """A stack in Ireland, and one of each thing there."""

    stack: Stack

    def __post_init__(self) -> None:
        key = kms.Key.from_key_arn(self.stack, "Key", KEY_ARN)
        self.bucket: s3.IBucket = s3.Bucket.from_bucket_attributes(
            self.stack, "Bucket", bucket_name="the-bucket", encryption_key=key
        )
        repository = ecr.Repository.from_repository_name(self.stack, "Repository", "mine")
        self.image = ContainerImage.from_repository(repository, "1", architecture="x86_64")
        self.gpu_image = ContainerImage.managed(
            "pytorch", version="2.6.0", region="eu-west-1", processor="gpu"
        )
        self.other_regions_image = ContainerImage.managed(
            "xgboost", version="3.2-0", region="us-east-1"
        )
        self.archive = ModelData.from_bucket(self.bucket, "churn/model.tar.gz")
        self.prefix = ModelData.from_prefix(self.bucket, "churn/7/")
        self.container = ModelContainer(image=self.image, data=self.archive)

    def model(self, id_: str = "Model", **options: Any) -> Model:
        """A model of one container, unless `serves` says otherwise."""
        return Model(self.stack, id_, **{"serves": self.container, **options})

    def model_of(self, id_: str = "Model", **container: Any) -> Model:
        """A model of a container that differs so; not isolated, as serverless wants it."""
        return self.model(
            id_, serves=dataclasses.replace(self.container, **container), isolated=False
        )

    def parameter(self, name: str) -> str:
        return CfnParameter(self.stack, name).value_as_string

    def network(self) -> ModelNetwork:
        vpc = ec2.Vpc(self.stack, "Vpc", max_azs=2)
        group = ec2.SecurityGroup(self.stack, "Group", vpc=vpc)
        return ModelNetwork(vpc=vpc, security_groups=[group])


@pytest.fixture
def given() -> Given:
    return Given(Stack(App(), "Test", env=Environment(region="eu-west-1")))
