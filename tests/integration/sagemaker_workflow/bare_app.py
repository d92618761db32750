"""An app of somebody else: the constructs alone, none of this project's stacks."""

import os

from aws_cdk import App, CfnParameter, Environment, Stack
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.batch_transform import BatchTransform, TransformJob
from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import Instances, RealtimeEndpoint, Rollout, Scaling
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData

app = App()
stack = Stack(app, "bare", env=Environment(account="222233334444", region="us-east-1"))
bucket = s3.Bucket.from_bucket_name(stack, "Artifacts", "bare-artifacts")
instance_type = CfnParameter(stack, "InstanceType", default="ml.m5.large").value_as_string
model = Model(
    stack,
    "Model",
    serves=ModelContainer(
        image=ContainerImage.managed("xgboost", version="3.2-0", region="us-east-1"),
        data=ModelData.from_bucket(bucket, os.environ["MODEL_KEY"]),
    ),
)
RealtimeEndpoint(
    stack,
    "Churn",
    model=model,
    name="churn",
    capacity=Instances(
        instance_type=instance_type, count=1, allowed_types=["ml.m5.large", "ml.m5.xlarge"]
    ),
    rollout=Rollout(wait_seconds=1, termination_wait_seconds=0),
    scaling=Scaling(max_capacity=2),
)
BatchTransform(
    stack,
    "Batch",
    model=model,
    job=TransformJob(input=(bucket, "in/"), output=(bucket, "out/")),
    name="churn-batch",
)
app.synth()
