"""An app of somebody else: each way to an image as a stack, and each way it can go wrong.

    images      the repository of our inference image, published as `ops images push` looks for it
    managed     AWS's own XGBoost image, a model in XGBoost's JSON, our script for that image
    custom      our inference image from ECR, a training job's archive as it is
    script      our inference image from ECR, an archive with somebody's own code/inference.py

The others must fail: no-stand-in, no-tag, broken-archive, pickle-only.
"""

import os
from pathlib import Path

from aws_cdk import App, Environment, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm

from sagemaker_workflow.build_context import build_context_hash
from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import Instances, RealtimeEndpoint, ServerlessEndpoint
from sagemaker_workflow.image_repository import ImageRepository
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData

REGION = "us-east-1"
REPOSITORY = "paths-local/inference_server"
SCRIPT = "inference.py"
TAG = build_context_hash(Path(os.environ["CONTAINERS"]) / "inference_server")

app = App()


def stack(name: str) -> Stack:
    """A stack of the account that the local AWS has."""
    return Stack(app, f"paths-{name}", env=Environment(account="222233334444", region=REGION))


def managed(framework: str, version: str) -> ContainerImage:
    return ContainerImage.managed(framework, version=version, region=REGION)


def ours(scope: Stack, tag: str = TAG) -> ContainerImage:
    """The image that was pushed, from another stack's repository."""
    found = ecr.Repository.from_repository_name(scope, "Repository", REPOSITORY)
    return ContainerImage.from_repository(found, tag)


def artifacts(scope: Stack, name: str, *, script: str | None = None) -> ModelData:
    bucket = s3.Bucket.from_bucket_name(scope, "Artifacts", "paths-artifacts")
    return ModelData.from_bucket(bucket, f"{name}/model.tar.gz", script=script)


def serve(scope: Stack, image: ContainerImage, data: ModelData) -> None:
    """The endpoint of a stack that must come up: real-time, one instance, named as its stack."""
    RealtimeEndpoint(
        scope,
        "Endpoint",
        model=Model(scope, "Model", serves=ModelContainer(image=image, data=data)),
        name=scope.stack_name,
        capacity=Instances(instance_type="ml.m5.large", count=1),
    )


def refuse(scope: Stack, image: ContainerImage, data: ModelData) -> None:
    """The endpoint of a stack that must not."""
    container = ModelContainer(image=image, data=data)
    ServerlessEndpoint(
        scope,
        "Endpoint",
        model=Model(scope, "Model", serves=container, isolated=False),
        name=scope.stack_name,
    )


images = stack("images")
ImageRepository(
    images,
    "InferenceServer",
    name=REPOSITORY,
    key=kms.Key(images, "Key", enable_key_rotation=True, removal_policy=RemovalPolicy.DESTROY),
    removal_policy=RemovalPolicy.DESTROY,
)
ssm.StringParameter(
    images,
    "Uri",
    parameter_name="/paths/local/images/inference_server",
    string_value=ours(images).uri,
)

one = stack("managed")
serve(one, managed("xgboost", "3.2-0"), artifacts(one, "managed", script=SCRIPT))
one = stack("custom")
serve(one, ours(one), artifacts(one, "custom"))
one = stack("script")
serve(one, ours(one), artifacts(one, "script", script=SCRIPT))

one = stack("no-stand-in")
refuse(one, managed("sklearn", "1.9-0"), artifacts(one, "managed"))
one = stack("no-tag")
refuse(one, ours(one, "0123456789abcdef"), artifacts(one, "custom"))
one = stack("broken-archive")
refuse(one, ours(one), artifacts(one, "broken-archive"))
one = stack("pickle-only")
refuse(one, ours(one), artifacts(one, "pickle-only"))

app.synth()
