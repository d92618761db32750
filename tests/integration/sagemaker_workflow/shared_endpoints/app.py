"""An app of somebody else: two models on one endpoint, and a language model beside them."""

import os

from aws_cdk import App, CfnParameter, Environment, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import Instances, RealtimeEndpoint, Rollout
from sagemaker_workflow.endpoints.components import (
    ComponentEndpoint,
    ComponentRollout,
    ComponentScaling,
    Copy,
    ManagedScaling,
)
from sagemaker_workflow.llm import LlmImage, LlmModel, LlmServing
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData

app = App()
where = Environment(account="222233334444", region="us-east-1")


def image(scope: Stack, name: str) -> ContainerImage:
    uri = os.environ[f"{name.upper()}_IMAGE"]
    repository = uri.split("/", 1)[1].rsplit(":", 1)[0]
    found = ecr.Repository.from_repository_name(scope, f"{name}Repository", repository)
    return ContainerImage.from_uri(uri, found)


shared = Stack(app, "shared", env=where)
bucket = s3.Bucket.from_bucket_name(shared, "Artifacts", "components")
endpoint = ComponentEndpoint(
    shared,
    "Endpoint",
    name="shared",
    managed=ManagedScaling(min_instances=0, max_instances=2),
)
server = image(shared, "server")
for name in ("first", "second"):
    key = CfnParameter(shared, f"{name.title()}Key", default=f"{name}/model.tar.gz")
    model = Model(
        shared,
        f"{name.title()}Model",
        serves=ModelContainer(
            image=server,
            data=ModelData.from_bucket(bucket, key.value_as_string),
        ),
        role=endpoint.role,
    )
    endpoint.add_component(
        name,
        model=model,
        each=Copy(memory_mb=2048, startup_timeout_seconds=60),
        scaling=ComponentScaling(min_copies=0, max_copies=2),
        rollout=ComponentRollout(wait_seconds=0),
    )

chat = Stack(app, "chat", env=where)
weights = s3.Bucket.from_bucket_name(chat, "Artifacts", "components")
chosen = CfnParameter(chat, "InstanceType", default="ml.g5.2xlarge").value_as_string
llm = LlmModel(
    chat,
    "Model",
    weights=ModelData.from_prefix(weights, "chat/"),
    image=LlmImage.own(image(chat, "vllm")),
    architecture="Qwen/Qwen2.5-7B-Instruct",
    capacity=Instances(
        instance_type=chosen, allowed_types=["ml.g5.2xlarge", "ml.g5.12xlarge"], count=1
    ),
    serving=LlmServing(environment={"VLLM_EXECUTABLE": os.environ["STUB"]}),
)
RealtimeEndpoint(
    chat,
    "Endpoint",
    model=llm,
    name="chat",
    capacity=llm.capacity,
    rollout=Rollout(wait_seconds=0, termination_wait_seconds=0),
)
app.synth()
