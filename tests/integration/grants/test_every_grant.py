"""Remove any one grant and the loop breaks at the place that needed it, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.grants import Grants
from support.loop_stages import Loop

Stage = Callable[[Loop], str]

INGEST = "preprocessing/IngestMachineRole"
UPLOADS = "preprocessing/IngestUploadsRole"
FUNCTION = "preprocessing/PreprocessRole"
MANIFESTS = "training/PreprocessAndTrainManifestsRole"
TRAIN = "training/PreprocessAndTrainMachineRole"
JOB = "training/PreprocessAndTrainExecutionRole"
REALTIME = "endpoint-realtime/ModelRole"
SERVERLESS = "endpoint-serverless/ModelRole"
ASYNC = "endpoint-async/ModelRole"
BATCH = "batch/BatchTransformMachineRole"
TRANSFORM = "batch/ModelRole"
SCALE_REALTIME = "endpoint-realtime/EndpointScalingRole"
SCALE_ASYNC = "endpoint-async/EndpointScalingRole"


@dataclass(frozen=True)
class Grant:
    """An action of a role, on resources like `on`, and the stage that fails without it."""

    role: str
    action: str
    stage: Stage
    on: str = "*"

    def __str__(self) -> str:
        return f"{self.role}-{self.action}" + ("" if self.on == "*" else f"-{self.on.strip('*')}")


def logged(stage: Stage) -> Stage:
    return lambda loop: loop.logged(lambda: stage(loop))


def model_of(role: str) -> Stage:
    return lambda loop: loop.model(role.partition("/")[0])


def grants_for(role: str, stage: Stage, *actions: str, on: str = "*") -> list[Grant]:
    return [Grant(role, action, stage, on) for action in actions]


RULE = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
GRANTS = [
    # An object arrives ...
    *grants_for(UPLOADS, Loop.upload, "states:StartExecution"),
    *grants_for(INGEST, Loop.ingest, "lambda:InvokeFunction"),
    *grants_for(INGEST, Loop.ingest_nothing, "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"),
    *grants_for(FUNCTION, Loop.ingest, "s3:GetObject", on="*storageraw*"),
    *grants_for(FUNCTION, Loop.ingest, "s3:GetObject", on="*storageprocessed*"),
    *grants_for(FUNCTION, Loop.ingest, "s3:PutObject", "s3:ListBucket"),
    *grants_for(FUNCTION, Loop.ingest, "kms:Decrypt", "kms:GenerateDataKey"),
    # ... a model is trained ...
    *grants_for(MANIFESTS, Loop.manifest_arrives, "states:StartExecution"),
    *grants_for(TRAIN, Loop.train_on_raw, "states:StartExecution"),
    *grants_for(TRAIN, Loop.train_on_raw, "states:DescribeExecution", "states:StopExecution"),
    *grants_for(TRAIN, Loop.train_on_raw, *RULE, on="*StepFunctionsExecutionRule"),
    *grants_for(
        TRAIN,
        Loop.train_on_nothing,
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:StopTrainingJob",
        "sagemaker:AddTags",
        "iam:PassRole",
        "sns:Publish",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    ),
    *grants_for(TRAIN, Loop.train_on_nothing, *RULE, on="*TrainingJobsRule"),
    *grants_for(TRAIN, Loop.train, "sagemaker:CreateModelPackage"),
    *grants_for(JOB, Loop.training_job, "ecr:BatchGetImage", "s3:ListBucket", "s3:GetObject"),
    *grants_for(JOB, Loop.training_job, "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"),
    *grants_for(JOB, logged(Loop.training_job), "logs:CreateLogStream", "logs:PutLogEvents"),
    # ... the endpoints serve it ...
    *(
        Grant(role, action, model_of(role), on)
        for role in (REALTIME, SERVERLESS, ASYNC, TRANSFORM)
        for action, on in (
            ("ecr:BatchGetImage", "*"),
            ("s3:GetObject", "*/training/*"),
            ("kms:Decrypt", "*"),
        )
    ),
    *grants_for(REALTIME, lambda loop: loop.update("realtime"), "cloudwatch:DescribeAlarms"),
    *grants_for(SERVERLESS, lambda loop: loop.update("serverless"), "cloudwatch:DescribeAlarms"),
    *grants_for(ASYNC, lambda loop: loop.update("async"), "cloudwatch:DescribeAlarms"),
    *grants_for(
        REALTIME,
        logged(lambda loop: loop.update("realtime")),
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ),
    *grants_for(ASYNC, lambda loop: loop.update("async"), "sns:Publish", on="*SuccessTopic*"),
    *grants_for(ASYNC, lambda loop: loop.update("async"), "sns:Publish", on="*ErrorTopic*"),
    *grants_for(ASYNC, Loop.ask_asynchronously, "s3:GetObject", on="*/input/*"),
    *grants_for(ASYNC, Loop.ask_asynchronously, "s3:PutObject", on="*/output/*"),
    *grants_for(ASYNC, Loop.ask_asynchronously, "kms:GenerateDataKey"),
    # ... a batch is scored ...
    *grants_for(
        BATCH,
        Loop.batch_nothing,
        "sagemaker:CreateTransformJob",
        "sagemaker:DescribeTransformJob",
        "sagemaker:StopTransformJob",
        "sns:Publish",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        *RULE,
    ),
    *grants_for(TRANSFORM, Loop.batch, "s3:GetObject", on="*/batch/input/*"),
    *grants_for(TRANSFORM, Loop.batch, "s3:ListBucket", "s3:PutObject", "kms:GenerateDataKey"),
    *grants_for(TRANSFORM, logged(Loop.batch), "logs:CreateLogStream", "logs:PutLogEvents"),
    # ... and capacity follows the load.
    *grants_for(
        SCALE_REALTIME,
        lambda loop: loop.scale("realtime"),
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:PutScalingPolicy",
        "sagemaker:DescribeEndpoint",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DeleteAlarms",
    ),
    *grants_for(
        SCALE_REALTIME,
        lambda loop: loop.scale("realtime", phase="StepAside"),
        "sagemaker:DescribeEndpointConfig",
    ),
    *grants_for(
        SCALE_REALTIME,
        lambda loop: loop.scale("realtime", request="Delete"),
        "application-autoscaling:DeregisterScalableTarget",
    ),
    *grants_for(SCALE_ASYNC, lambda loop: loop.scale("async"), "cloudwatch:PutMetricAlarm"),
    *grants_for(
        SCALE_ASYNC, lambda loop: loop.scale("async", request="Delete"), "cloudwatch:DeleteAlarms"
    ),
]


@pytest.mark.parametrize("grant", GRANTS, ids=str)
def test_without_a_grant_its_stage_fails_and_names_it(
    grants: Grants, stages: Loop, grant: Grant
) -> None:
    with grants.without(grant.role, [grant.action], grant.on):
        said = grant.stage(stages)

    assert f"not authorized to perform: {grant.action} on" in said or f'"{grant.action}"' in said
