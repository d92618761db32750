"""The app of the update matrix: one endpoint, as the environment's SHAPE says."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from shape import Shape

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import (
    AsyncEndpoint,
    AsyncResults,
    Capture,
    Instances,
    Operations,
    RealtimeEndpoint,
    Rollout,
    Scaling,
    Serverless,
    ServerlessEndpoint,
)
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData

ACCOUNT, REGION = "222233334444", "us-east-1"
shape = Shape.from_json(os.environ["SHAPE"])
app = App()
stack = Stack(app, os.environ["STACK"], env=Environment(account=ACCOUNT, region=REGION))
bucket = s3.Bucket.from_bucket_name(stack, "Artifacts", "matrix-artifacts")
repository = ecr.Repository.from_repository_name(stack, "Repository", "matrix/inference_server")
keys = {name: kms.Key(stack, f"Key-{name}", enable_key_rotation=True) for name in ("one", "two")}

model = Model(
    stack,
    "Model",
    serves=ModelContainer(
        image=ContainerImage.from_repository(repository, shape.image),
        data=ModelData.from_bucket(bucket, f"{shape.model}/model.tar.gz", script="inference.py"),
        environment={"SETTING": shape.setting},
    ),
    isolated=shape.kind != "serverless",
)
capacity = Instances(
    instance_type=shape.instance_type, count=shape.count, startup_timeout_seconds=60
)
rollout = Rollout(
    strategy=shape.strategy if shape.kind != "serverless" else None,
    wait_seconds=300 if shape.strategy == "canary" else 20,
    termination_wait_seconds=20,
    max_latency_ms=shape.max_latency_ms,
)
scaling = (
    Scaling(min_capacity=shape.scaled[0], max_capacity=shape.scaled[1], target=10)
    if shape.scaled
    else None
)
operations = Operations(key=keys[shape.key])
common = {"model": model, "name": shape.name, "rollout": rollout, "operations": operations}
match shape.kind:
    case "realtime":
        endpoint = RealtimeEndpoint(
            stack,
            "Endpoint",
            capacity=capacity,
            scaling=scaling,
            capture=Capture(bucket=bucket, prefix="captured") if shape.capture else None,
            **common,
        )
    case "serverless":
        endpoint = ServerlessEndpoint(
            stack,
            "Endpoint",
            capacity=Serverless(memory_mb=shape.memory_mb, max_concurrency=shape.max_concurrency),
            **common,
        )
    case "async":
        endpoint = AsyncEndpoint(
            stack,
            "Endpoint",
            capacity=capacity,
            scaling=scaling,
            results=AsyncResults(bucket=bucket, prefix="async", include_response=shape.topics),
            **common,
        )
if shape.breaks:
    broken = sagemaker.CfnModel(
        stack,
        "Broken",
        execution_role_arn=f"arn:aws:iam::{ACCOUNT}:role/nobody",
        primary_container={"image": repository.repository_uri_for_tag("one")},
    )
    broken.node.add_dependency(endpoint)
app.synth()
