"""Our constructs: `add(app, number)` makes an endpoint in a stack of its own."""

from __future__ import annotations

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import Operations, RealtimeEndpoint
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData

ACCOUNT, REGION = "111122223333", "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def add(app: App, number: int) -> None:
    """One endpoint in a stack of its own, with every default."""
    stack = Stack(app, f"Bench{number}", env=Environment(account=ACCOUNT, region=REGION))
    key = kms.Key.from_key_arn(stack, "Key", KEY)
    bucket = s3.Bucket.from_bucket_attributes(
        stack, "Bucket", bucket_name="models", encryption_key=key
    )
    image = ContainerImage.managed("xgboost", version="3.2-0", region=REGION)
    data = ModelData.from_bucket(bucket, f"m/{number}.tar.gz")
    model = Model(stack, "Model", serves=ModelContainer(image=image, data=data))
    RealtimeEndpoint(
        stack, "Endpoint", model=model, name=f"bench-{number}", operations=Operations(key=key)
    )
