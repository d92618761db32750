"""Whoever deploys needs no Docker: CodeBuild builds, and the deployment waits for it."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnResource, Duration, Fn, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge
from sagemaker_workflow.build_context import BuildContext
from sagemaker_workflow.container_image import Architecture
from sagemaker_workflow.dead_letters import DeadLetters
from sagemaker_workflow.function_code import function_code
from sagemaker_workflow.function_role import function_role
from sagemaker_workflow.grants import allow
from sagemaker_workflow.image_build.buildspec import buildspec
from sagemaker_workflow.log_group import log_group

# Together below the hour that CloudFormation waits for a custom resource at the most.
BUILD_MINUTES = 45
QUEUE_MINUTES = 10
_PACKAGE = "image_build"
_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


class ImageBuilder(Construct):
    """A CodeBuild project builds images for one architecture while the stack is deployed.

    A function starts a build and is done; EventBridge calls it again when the build has ended, and
    it answers CloudFormation then, with the end of the log when the build failed. A tag that is in
    the repository is not built again. Nothing costs anything between deployments.

    Attributes: project, function, dead_letters.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        key: kms.IKey,
        architecture: Architecture = "x86_64",
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make project and function; `build` makes images.

        :param key: encrypts logs and dead letters; CloudWatch Logs and EventBridge must be allowed
            to use it
        :param architecture: what the images run on, and so what they are built on. Default: x86_64
        :param log_retention: how long the logs are kept. Default: three months
        """
        super().__init__(scope, id_)
        self._architecture = architecture
        self._key = key
        self.project = self._build_project(log_retention)
        self.dead_letters = DeadLetters(self, "DeadLetters", key=key).queue
        self.function = self._build_function(log_retention)
        self._rule = self._build_rule()

    def tag(self, content: str) -> str:
        """What the image of a context with this hash is tagged: for arm64, `<hash>-arm64`.

        One context makes an image an architecture, so the hash alone is one of them only.
        """
        return content if self._architecture == "x86_64" else f"{content}-{self._architecture}"

    def build(self, id_: str, *, context: Path, repository: ecr.IRepository, tag: str) -> Construct:
        """The image of `context` is in the repository under `tag(tag)` once the answer exists.

        `context` holds a Dockerfile, and it or the folder above what that copies; `tag` is the hash
        (`build_context_hash`), so a tag that is there already is that image. Raises ValueError when
        there is no Dockerfile.
        """
        if not (context / "Dockerfile").is_file():
            raise ValueError(
                f"image build {id_}: there is no Dockerfile in {context.name}, so nothing to build"
            )
        scope = Construct(self, id_)
        asset = assets.Asset(scope, "Context", path=str(BuildContext.read(context).copy()))
        self._may_build(repository, asset)
        made = CfnResource(
            scope,
            "Resource",
            type="Custom::ImageBuild",
            properties={
                "ServiceToken": self.function.function_arn,
                "ServiceTimeout": 3600,
                "Project": self.project.project_name,
                "Context": asset.s3_object_url,
                "Registry": Fn.select(0, Fn.split("/", repository.repository_uri)),
                "Repository": repository.repository_name,
                "Tag": self.tag(tag),
            },
        )
        made.node.add_dependency(self._rule, self.function, self._build_role, repository)
        return scope

    def _build_project(self, retention: logs.RetentionDays) -> codebuild.Project:
        log = log_group(Construct(self, "Project"), "codebuild", key=self._key, retention=retention)
        self._build_role = iam.Role(
            self,
            "BuildRole",
            assumed_by=iam.ServicePrincipal(
                "codebuild.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
        )
        arm = self._architecture == "arm64"
        project = codebuild.Project(
            self,
            "Resource",
            description=f"Builds container images for {self._architecture}",
            role=self._build_role.without_policy_updates(),
            build_spec=codebuild.BuildSpec.from_object(buildspec()),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxArmBuildImage.AMAZON_LINUX_2_STANDARD_3_0
                if arm
                else codebuild.LinuxBuildImage.STANDARD_7_0,
                compute_type=codebuild.ComputeType.MEDIUM,
                privileged=True,
            ),
            encryption_key=self._key,
            timeout=Duration.minutes(BUILD_MINUTES),
            queued_timeout=Duration.minutes(QUEUE_MINUTES),
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=log)
            ),
        )
        acknowledge(
            project,
            "AwsSolutions-CB3",
            "Docker's daemon runs in the build's own container, which CodeBuild allows to "
            "privileged builds only; what it builds is this repository's own Dockerfiles",
        )
        role = self._build_role
        allow(role, "logs:CreateLogStream", "logs:PutLogEvents", on=[log.log_group_arn],
              why="the streams of one log group, one a build")  # fmt: skip
        allow(role, "ecr:GetAuthorizationToken", on=["*"],
              why="a token for a registry: the call knows no resource")  # fmt: skip
        self._build_log = log
        return project

    def _may_build(self, repository: ecr.IRepository, asset: assets.Asset) -> None:
        allow(self._build_role, *_PUSH, on=[repository.repository_arn])
        allow(
            self._build_role,
            "s3:GetObject",
            on=[f"{asset.bucket.bucket_arn}/{asset.s3_object_key}"],
        )
        allow(self._function_role, "ecr:DescribeImages", on=[repository.repository_arn])

    def _build_function(self, retention: logs.RetentionDays) -> lambda_.Function:
        scope = Construct(self, "Builds")
        log = log_group(scope, "lambda", key=self._key, retention=retention)
        role = self._function_role = function_role(scope, log=log)
        function = lambda_.Function(
            scope,
            "Resource",
            description="Starts builds of images, and tells CloudFormation how they ended",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler=f"{_PACKAGE}.handler.handler",
            code=function_code(_PACKAGE),
            role=role.without_policy_updates(),
            timeout=Duration.minutes(1),
            memory_size=256,
            dead_letter_queue=self.dead_letters,
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
        )
        allow(role, "codebuild:BatchGetBuilds", "codebuild:StartBuild",
              on=[self.project.project_arn])  # fmt: skip
        allow(role, "logs:GetLogEvents", on=[self._build_log.log_group_arn],
              why="the streams of one log group, one a build")  # fmt: skip
        allow(role, "sqs:SendMessage", on=[self.dead_letters.queue_arn])
        allow(role, "kms:Decrypt", "kms:GenerateDataKey", on=[self._key.key_arn])
        allow(role, "xray:PutTraceSegments", "xray:PutTelemetryRecords", on=["*"])
        function.node.add_dependency(role)
        return function

    def _build_rule(self) -> events.Rule:
        return events.Rule(
            self,
            "Ended",
            description="A build of an image has ended: CloudFormation is told",
            event_pattern=events.EventPattern(
                source=["aws.codebuild"],
                detail_type=["CodeBuild Build State Change"],
                detail={
                    "project-name": [self.project.project_name],
                    "build-status": ["SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
                },
            ),
            targets=[
                targets.LambdaFunction(
                    self.function,
                    dead_letter_queue=self.dead_letters,
                    # CloudFormation waits for an hour in all, a build for most of it.
                    max_event_age=Duration.minutes(15),
                    retry_attempts=10,
                )
            ],
        )
