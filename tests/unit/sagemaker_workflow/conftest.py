"""A stack to build in, and the smallest model that can be served."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData

KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def stack() -> Stack:
    return Stack(App(), "Test")


@pytest.fixture
def key(stack: Stack) -> kms.IKey:
    return kms.Key.from_key_arn(stack, "TheKey", KEY_ARN)


@pytest.fixture
def bucket(stack: Stack, key: kms.IKey) -> s3.IBucket:
    return s3.Bucket.from_bucket_attributes(
        stack, "TheBucket", bucket_name="the-bucket", encryption_key=key
    )


@pytest.fixture
def container(bucket: s3.IBucket) -> ModelContainer:
    return ModelContainer(
        image=ContainerImage.managed("xgboost", version="3.2-0", region="us-east-1"),
        data=ModelData.from_bucket(bucket, "churn/model.tar.gz"),
    )


@pytest.fixture
def model(stack: Stack, container: ModelContainer) -> Model:
    return Model(stack, "Model", serves=container)


@pytest.fixture
def open_model(stack: Stack, container: ModelContainer) -> Model:
    """Not isolated from the network, as a serverless endpoint needs it."""
    return Model(stack, "OpenModel", serves=container, isolated=False)


@pytest.fixture
def prefix_model(
    stack: Stack, bucket: s3.IBucket, container: ModelContainer
) -> Callable[..., Model]:
    """A model whose artifacts are unpacked objects."""
    unpacked = ModelContainer(image=container.image, data=ModelData.from_prefix(bucket, "churn/7/"))
    return lambda **options: Model(stack, "PrefixModel", serves=unpacked, **options)
