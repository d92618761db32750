"""An app of somebody else: one image, built while its stack is deployed."""

import os
from pathlib import Path

from aws_cdk import App, CfnOutput, Environment, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms

from sagemaker_workflow.build_context import build_context_hash
from sagemaker_workflow.image_build import ImageBuilder
from sagemaker_workflow.image_repository import ImageRepository
from sagemaker_workflow.keys import let_logs_use, let_services_deliver

app = App()
stack = Stack(app, "built", env=Environment(account="222233334444", region="us-east-1"))
key = kms.Key(stack, "Key", enable_key_rotation=True, removal_policy=RemovalPolicy.DESTROY)
let_logs_use(key)
let_services_deliver(key)
images = ImageRepository(
    stack, "Images", name="built/trainer", key=key, removal_policy=RemovalPolicy.DESTROY
)
context = Path(os.environ["CONTEXT"])
tag = os.environ.get("TAG") or build_context_hash(context)
ImageBuilder(stack, "Builder", key=key).build(
    "Trainer", context=context, repository=images.repository, tag=tag
)
CfnOutput(stack, "Tag", value=tag)
app.synth()
