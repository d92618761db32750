"""Remove any one grant and the loop breaks at the place that needed it, by name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from _pytest.mark import ParameterSet
from support.grants import Grants
from support.loop_stages import Loop

Stage = Callable[[Loop], str]

INGEST = "preprocessing/IngestMachineRole"
UPLOADS = "preprocessing/IngestUploadsRole"
BACKFILL = "preprocessing/BackfillMachineRole"
FUNCTION = "preprocessing/PreprocessRole"
MANIFESTS = "training/PreprocessAndTrainManifestsRole"
TRAIN = "training/PreprocessAndTrainMachineRole"
INSPECT = "training/PreprocessAndTrainInspectModelRole"
JOB = "training/PreprocessAndTrainExecutionRole"
REALTIME = "endpoint-realtime/ModelRole"
CHALLENGER = "endpoint-realtime/ChallengerModelRole"
SERVERLESS = "endpoint-serverless/ModelRole"
ASYNC = "endpoint-async/ModelRole"
BATCH = "batch/BatchTransformMachineRole"
TRANSFORM = "batch/ModelRole"
SCALE_REALTIME = "endpoint-realtime/EndpointLifecycleRole"
SCALE_ASYNC = "endpoint-async/EndpointLifecycleRole"
HOURS = "endpoint-async/HoursMachineRole"
CLOCK = "endpoint-async/HoursClockRole"
CHECK_SERVERLESS = "endpoint-serverless/EndpointLifecycleRole"


MODELS = (REALTIME, CHALLENGER, SERVERLESS, ASYNC, TRANSFORM)


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
    return lambda loop: loop.model(*role.split("/"))


def deployed(name: str) -> Stage:
    return lambda loop: loop.deployed(name)


def update_of(name: str) -> Stage:
    return lambda loop: loop.update(name)


def grants_for(role: str, stage: Stage, *actions: str, on: str = "*") -> list[Grant]:
    return [Grant(role, action, stage, on) for action in actions]


RULE = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
GRANTS = [
    # An object arrives ...
    *grants_for(UPLOADS, Loop.upload, "states:StartExecution"),
    *grants_for(INGEST, Loop.ingest, "lambda:InvokeFunction"),
    *grants_for(INGEST, Loop.ingest_nothing, "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"),
    *grants_for(INGEST, Loop.ingest_denied, "sqs:SendMessage"),
    *grants_for(FUNCTION, Loop.ingest, "s3:GetObject", on="*storageraw*"),
    *grants_for(FUNCTION, Loop.ingest, "s3:GetObject", on="*storageprocessed*"),
    *grants_for(FUNCTION, Loop.ingest, "s3:PutObject", "s3:ListBucket"),
    *grants_for(FUNCTION, Loop.ingest, "kms:Decrypt", "kms:GenerateDataKey"),
    # ... or many once more ...
    *grants_for(BACKFILL, Loop.backfill, "s3:ListBucket", "s3:PutObject"),
    *grants_for(BACKFILL, Loop.backfill, "states:StartExecution", on="*Backfill*"),
    *grants_for(BACKFILL, Loop.backfill, "states:StartExecution", on="*Ingest*"),
    *grants_for(
        BACKFILL, Loop.backfill, "states:DescribeExecution", "states:StopExecution", on="*Ingest*"
    ),
    *grants_for(BACKFILL, Loop.backfill, *RULE),
    *grants_for(
        BACKFILL, Loop.backfill_nothing, "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"
    ),
    # ... a model is trained ...
    *grants_for(MANIFESTS, Loop.manifest_arrives, "states:StartExecution"),
    *grants_for(TRAIN, Loop.manifest_looked_at, "s3:GetObject", "s3:GetObjectVersion"),
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
    *grants_for(TRAIN, Loop.train, "sagemaker:CreateModelPackage", "ecr:DescribeImages"),
    *grants_for(TRAIN, Loop.train, "lambda:InvokeFunction"),
    *grants_for(INSPECT, Loop.inspect, "s3:GetObject", "kms:Decrypt"),
    *grants_for(JOB, Loop.training_job, "ecr:BatchGetImage", "s3:ListBucket", "s3:GetObject"),
    *grants_for(JOB, Loop.training_job, "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"),
    *grants_for(JOB, logged(Loop.training_job), "logs:CreateLogStream", "logs:PutLogEvents"),
    *grants_for(
        JOB, Loop.spot_job, "s3:GetObject", "s3:PutObject", "s3:DeleteObject", on="*/checkpoints/*"
    ),
    *grants_for(JOB, Loop.spot_job, "s3:ListBucket", on="*storageartifacts*"),
    # ... the endpoints serve it ...
    *(
        Grant(role, action, model_of(role), on)
        for role in MODELS
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
    *grants_for(REALTIME, Loop.captured, "s3:PutObject", on="*/capture/*"),
    *grants_for(REALTIME, Loop.captured, "kms:GenerateDataKey"),
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
    *grants_for(BATCH, Loop.batch, "s3:ListBucket", "s3:PutObject"),
    *grants_for(TRANSFORM, Loop.batch, "s3:GetObject", on="*/batch/input/*"),
    *grants_for(TRANSFORM, Loop.batch, "s3:ListBucket", "s3:PutObject", "kms:GenerateDataKey"),
    *grants_for(TRANSFORM, logged(Loop.batch), "logs:CreateLogStream", "logs:PutLogEvents"),
    # ... and capacity follows the load.
    *grants_for(
        SCALE_REALTIME,
        lambda loop: loop.scale("realtime"),
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:PutScalingPolicy",
        "application-autoscaling:DeleteScalingPolicy",
        "application-autoscaling:PutScheduledAction",
        "application-autoscaling:DeleteScheduledAction",
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
    *grants_for(
        SCALE_REALTIME,
        lambda loop: loop.restore("realtime"),
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:DescribeScheduledActions",
    ),
    *grants_for(SCALE_ASYNC, lambda loop: loop.scale("async"), "cloudwatch:PutMetricAlarm"),
    *grants_for(
        SCALE_ASYNC, lambda loop: loop.scale("async", request="Delete"), "cloudwatch:DeleteAlarms"
    ),
    *grants_for(HOURS, lambda loop: loop.hours("true"), "cloudformation:DescribeStacks"),
    *grants_for(
        HOURS,
        lambda loop: loop.hours("maybe"),
        "cloudformation:UpdateStack",
        "sns:Publish",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    ),
    # What was asked for is what serves.
    *grants_for(
        CHECK_SERVERLESS,
        lambda loop: loop.deployed("serverless", other=True),
        "sagemaker:DescribeEndpoint",
        "cloudwatch:DescribeAlarms",
        "cloudformation:DescribeStacks",
    ),
    *grants_for(
        SCALE_REALTIME,
        lambda loop: loop.deployed("realtime", other=True),
        "cloudformation:DescribeStacks",
    ),
]


# What the local AWS does not ask for, by role, and why. The roles keep these grants: AWS asks.
IMAGES = "no layer is pulled: the image's manifest leads to the container's folder"
VOLUMES = "there are no volumes to encrypt"
DELIVERY = "executions are not logged or traced beyond their history"
METRICS = "the local AWS publishes the platform's metrics itself"
FUNCTION_LOGS = "a function's output is written to its log group by the local AWS itself"
GROUPS = "the log group is there already, and only a person lists its streams"
MULTIPART = "objects are small enough to be written in one piece"
KEYS = {"kms:CreateGrant": VOLUMES, "kms:DescribeKey": VOLUMES}
EXECUTION = {
    "ecr:BatchCheckLayerAvailability": IMAGES,
    "ecr:GetAuthorizationToken": IMAGES,
    "ecr:GetDownloadUrlForLayer": IMAGES,
    "cloudwatch:PutMetricData": METRICS,
    "logs:CreateLogGroup": GROUPS,
    "logs:DescribeLogStreams": GROUPS,
    **KEYS,
}
MACHINE = dict.fromkeys(
    (
        *(f"logs:{verb}LogDelivery" for verb in ("Create", "Delete", "Get", "Update")),
        *("logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:ListLogDeliveries"),
        *("logs:PutResourcePolicy", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
        *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    ),
    DELIVERY,
)
WRITES = {
    "s3:AbortMultipartUpload": MULTIPART,
    "kms:Encrypt": "S3 asks for GenerateDataKey; guides for jobs list Encrypt besides",
}
TAGS = "tags are read by the integration only when it is asked for a job that exists"
MACHINE_LETTERS = "the state machine waits for the function: nothing is left undelivered"
FUNCTION_LETTERS = "CloudFormation waits for the function: nothing is left undelivered"
LIFECYCLE = {
    "logs:CreateLogStream": FUNCTION_LOGS,
    "logs:PutLogEvents": FUNCTION_LOGS,
    "xray:PutTelemetryRecords": DELIVERY,
    "xray:PutTraceSegments": DELIVERY,
    "sqs:SendMessage": FUNCTION_LETTERS,
    "kms:Decrypt": FUNCTION_LETTERS,
    "kms:GenerateDataKey": FUNCTION_LETTERS,
}
SCALING = {**LIFECYCLE, "iam:CreateServiceLinkedRole": "the account has the role"}
NOT_DUE = "no schedule comes due while these tests run"
NOT_ASKED = {
    INGEST: MACHINE,
    BACKFILL: {
        **MACHINE,
        "states:RedriveExecution": "nobody redrives here",
        "s3:GetObject": MULTIPART,
        "s3:ListMultipartUploadParts": MULTIPART,
        "s3:AbortMultipartUpload": MULTIPART,
    },
    FUNCTION: {
        "logs:CreateLogStream": FUNCTION_LOGS,
        "logs:PutLogEvents": FUNCTION_LOGS,
        "xray:PutTelemetryRecords": DELIVERY,
        "xray:PutTraceSegments": DELIVERY,
        "sqs:SendMessage": MACHINE_LETTERS,
        "s3:GetObjectVersion": "asked for when an event names a version, as S3's own do",
        "s3:AbortMultipartUpload": MULTIPART,
    },
    INSPECT: {
        "logs:CreateLogStream": FUNCTION_LOGS,
        "logs:PutLogEvents": FUNCTION_LOGS,
        "xray:PutTelemetryRecords": DELIVERY,
        "xray:PutTraceSegments": DELIVERY,
        "sqs:SendMessage": MACHINE_LETTERS,
        "kms:GenerateDataKey": MACHINE_LETTERS,
    },
    TRAIN: {**MACHINE, "sagemaker:ListTags": TAGS},
    JOB: {**EXECUTION, **WRITES},
    REALTIME: {**EXECUTION, **WRITES},
    CHALLENGER: {**EXECUTION, **WRITES},
    SERVERLESS: {**EXECUTION, "kms:GenerateDataKey": VOLUMES},
    ASYNC: {**EXECUTION, **WRITES, "s3:ListBucket": "the guide asks for it; one request is read"},
    BATCH: {**MACHINE, "sagemaker:ListTags": TAGS, "sagemaker:AddTags": "its jobs have no tags"},
    TRANSFORM: {**EXECUTION, **WRITES},
    SCALE_REALTIME: SCALING,
    SCALE_ASYNC: SCALING,
    CHECK_SERVERLESS: LIFECYCLE,
    HOURS: MACHINE,
    CLOCK: dict.fromkeys(
        ("states:StartExecution", "sqs:SendMessage", "kms:Decrypt", "kms:GenerateDataKey"), NOT_DUE
    ),
}
# Roles that differ from another in the list by what they are for and in nothing they are asked.
LIKE = {
    CHALLENGER: REALTIME,
    SERVERLESS: REALTIME,
    ASYNC: REALTIME,
    SCALE_ASYNC: SCALE_REALTIME,
}
LOOP: dict[str, Stage] = {
    "upload": Loop.upload,
    "backfill": Loop.backfill,
    "manifest": Loop.manifest_arrives,
    "train on raw": Loop.train_on_raw,  # Ingest included
    "train": Loop.train,
    "inspect": Loop.inspect,
    "spot": Loop.spot_job,
    **{f"model of {role}": model_of(role) for role in MODELS},
    **{f"update {name}": update_of(name) for name in ("realtime", "serverless", "async")},
    "ask": Loop.ask_asynchronously,
    "capture": Loop.captured,
    "hours": lambda loop: loop.hours("true"),
    "batch": Loop.batch,
    "scale realtime": lambda loop: loop.scale("realtime"),
    "scale async": lambda loop: loop.scale("async"),
    "restore async": lambda loop: loop.restore("async"),
    **{f"check {name}": deployed(name) for name in ("realtime", "serverless", "async")},
}


def cases() -> list[ParameterSet]:
    """Each grant. The first of a role is part of every run, the others of `make grants`."""
    begun: set[str] = set()
    found = []
    for grant in GRANTS:
        marks = [pytest.mark.grants] if grant.role in begun else []
        begun.add(grant.role)
        found.append(pytest.param(grant, marks=marks, id=str(grant)))
    return found


@pytest.mark.parametrize("grant", cases())
def test_without_a_grant_its_stage_fails_and_names_it(
    grants: Grants, stages: Loop, grant: Grant
) -> None:
    with grants.without(grant.role, [grant.action], grant.on):
        said = grant.stage(stages)

    assert f"not authorized to perform: {grant.action} on" in said or f'"{grant.action}"' in said


def test_every_grant_of_every_role_is_proved_or_said_not_to_be_asked_for(grants: Grants) -> None:
    proved = {role: {one.action for one in GRANTS if one.role == role} for role in roles()}
    for path in grants.roles():
        (role,) = [one for one in roles() if path.startswith(one)]
        known = proved[role] | proved[LIKE.get(role, role)] | NOT_ASKED.get(role, {}).keys()
        given = grants.actions(role)
        assert given - known == set(), f"{role}: add a case, or say why it is not asked for"
        assert NOT_ASKED.get(role, {}).keys() - given == set(), f"{role} does not have these"


def test_the_loop_works_with_all_grants_back_and_without_those_not_asked_for(
    grants: Grants, stages: Loop
) -> None:
    """Once the local AWS asks for one of them it fails here: it then belongs in the table."""
    with contextlib.ExitStack() as taken:
        for role, actions in NOT_ASKED.items():
            taken.enter_context(grants.without(role, list(actions)))
        said = {name: stage(stages) for name, stage in LOOP.items()}

    assert said == dict.fromkeys(LOOP, "")


def roles() -> list[str]:
    return list(dict.fromkeys([*(one.role for one in GRANTS), *NOT_ASKED]))
