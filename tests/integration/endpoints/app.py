"""An asynchronous endpoint that sleeps at zero, stopped and started; batch runs of its model."""

import os

from aws_cdk import App, CfnCondition, CfnParameter, CfnResource, Environment, Fn, Stack
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.autoscaling import Schedule as Bounds
from sagemaker_workflow.batch_transform import (
    BatchTransform,
    Schedule,
    TransformFleet,
    TransformJob,
)
from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import (
    AsyncEndpoint,
    AsyncResults,
    Instances,
    Operations,
    Queues,
    Rollout,
    Scaling,
)
from sagemaker_workflow.keys import own_key
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData
from sagemaker_workflow.notifications import Notifications
from sagemaker_workflow.schedules import ActiveHours, Hours

app = App()
stack = Stack(app, "sleepy", env=Environment(account="222233334444", region="us-east-1"))
bucket = s3.Bucket.from_bucket_name(stack, "Artifacts", "sleepy-artifacts")
instance_type = CfnParameter(stack, "InstanceType", default="ml.m5.large").value_as_string
active = CfnParameter(stack, "Active", default="true", allowed_values=["true", "false"])
served = CfnCondition(
    stack, "IsServed", expression=Fn.condition_equals(active.value_as_string, "true")
)
key = own_key(stack)
told = Notifications(stack, "Told", key=key)
model = Model(
    stack,
    "Model",
    serves=ModelContainer(
        image=ContainerImage.managed("xgboost", version="3.2-0", region="us-east-1"),
        data=ModelData.from_bucket(bucket, "good/model.tar.gz"),
    ),
    condition=served,
)
endpoint = AsyncEndpoint(
    stack,
    "Sleepy",
    model=model,
    name="sleepy",
    results=AsyncResults(bucket=bucket, prefix="async", queues=Queues()),
    capacity=Instances(
        instance_type=instance_type, count=1, allowed_types=["ml.m5.large", "ml.m5.xlarge"]
    ),
    rollout=Rollout(strategy="all_at_once", wait_seconds=1, termination_wait_seconds=0),
    scaling=Scaling(
        min_capacity=0,
        max_capacity=2,
        scale_in_cooldown_seconds=60,
        schedules={
            "night": Bounds(
                at="cron(0 20 ? * * *)", min_capacity=0, max_capacity=1, timezone="Europe/Berlin"
            )
        },
    ),
    operations=Operations(key=key, alarm_topic=told.topic),
)
ActiveHours(
    stack,
    "Hours",
    hours=Hours(
        stop="cron(0 20 ? * MON-FRI *)", start="cron(0 7 ? * MON-FRI *)", timezone="Europe/Berlin"
    ),
    topic=told.topic,
    key=key,
)
BatchTransform(
    stack,
    "Batch",
    model=model,
    name="sleepy",
    job=TransformJob(
        input=(bucket, "batch/in/"),
        output=(bucket, "batch/out"),
        manifests=(bucket, "batch/manifests/"),
    ),
    fleet=TransformFleet(instance_type="ml.m5.large"),
    # Given by the test; a moment that is over starts nothing.
    schedule=Schedule(at=f"at({os.environ['RUN_AT']})", given='{"comment": "by the clock"}'),
    key=key,
)
if os.environ.get("FAIL_AFTER_THE_ENDPOINT"):
    # Fails once the endpoint is updated, and before its scaling is registered again.
    broken = CfnResource(
        stack,
        "Broken",
        type="AWS::SSM::Parameter",
        properties={"Type": "NoSuchType", "Name": "/sleepy/broken", "Value": "x"},
    )
    broken.add_dependency(endpoint.resource)
    if endpoint.scaling is not None:
        endpoint.scaling.target.add_dependency(broken)
app.synth()
