"""The app of the update matrix: one endpoint, as the environment's SHAPE says."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from endpoint_of import Surroundings, build_endpoint
from shape import Shape

ACCOUNT, REGION = "222233334444", "us-east-1"
shape = Shape.from_json(os.environ["SHAPE"])
app = App()
stack = Stack(app, os.environ["STACK"], env=Environment(account=ACCOUNT, region=REGION))
repository = ecr.Repository.from_repository_name(stack, "Repository", "matrix/inference_server")
endpoint = build_endpoint(
    stack,
    shape,
    Surroundings(
        bucket=s3.Bucket.from_bucket_name(stack, "Artifacts", "matrix-artifacts"),
        repository=repository,
    ),
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
