"""Predictions for everything under a prefix, on machines that are there for the run only."""

from __future__ import annotations

from aws_cdk import Fn, Names, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge_wildcards
from sagemaker_workflow.batch_transform import faults as check
from sagemaker_workflow.batch_transform.definition import definition
from sagemaker_workflow.batch_transform.spec import Schedule, TransformFleet, TransformJob
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.keys import own_key
from sagemaker_workflow.model import Model
from sagemaker_workflow.notifications import Notifications
from sagemaker_workflow.schedules import Clock
from sagemaker_workflow.state_machine import StateMachine
from sagemaker_workflow.uploads import UploadTrigger

_RULE = "StepFunctionsGetEventsForSageMakerTransformJobsRule"


class BatchTransform(Construct):
    """A state machine runs a transform job over a prefix, with the model there is.

    Start it with `{}`, or with any field of the job and the fleet that this run has different:
    `{"input": "s3://...", "instance_count": 4}`; what the service would refuse it refuses first, by
    name. Without a model it fails at once and says so. Throttling is retried, a lack of capacity
    waited out, a failure published on a topic, a result on another with its `summary.json`.

    Attributes: state_machine, failure_topic, result_topic, model.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        model: Model,
        job: TransformJob,
        fleet: TransformFleet | None = None,
        schedule: Schedule | None = None,
        name: str | None = None,
        notification_email: str | None = None,
        key: kms.IKey | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the state machine; it is there also while the model's condition does not hold.

        :param model: what predicts; its role reads the input and writes the output
        :param job: what to read, how, and where to write
        :param fleet: the machines. Default: one ml.m5.xlarge
        :param schedule: when a run starts by itself. Default: never
        :param name: begins the name of each job. Default: one made from the path in the app
        :param notification_email: hears of failures; a parameter may be empty. Default: nobody
        :param key: encrypts volumes, log and topic. Default: a key of its own
        :param log_retention: how long the machine's log is kept. Default: three months
        """
        super().__init__(scope, id_)
        fleet = fleet or TransformFleet()
        name = name or Names.unique_resource_name(self, max_length=40, separator="-")
        faults = Faults(of=f"BatchTransform {self.node.path}")
        check.check_name(name, faults)
        check.check_model(model, faults)
        check.check_job(job, faults)
        check.check_fleet(fleet, faults, region=Stack.of(self).region)
        check.check_schedule(schedule, faults)
        faults.raise_any()
        self.model = model
        self.key = key or own_key(self)
        notifications = Notifications(self, "Failures", key=self.key, email=notification_email)
        self.failure_topic = notifications.topic
        self.result_topic = Notifications(self, "Results", key=self.key).topic
        self._grant_model(job)
        made = StateMachine(
            self,
            "Machine",
            definition=definition(job, fleet, name),
            substitutions=self._substitutions(job, fleet),
            key=self.key,
            log_retention=log_retention,
        )
        self.state_machine = made.machine
        self._grant_machine(made.role, name, job)
        self._build_starts(job, schedule)
        # A run may start as soon as the machine is there.
        model.role.make_wait(made)

    def grant_start(self, grantee: iam.IGrantable) -> iam.Grant:
        """The grantee can start a run and see how it goes."""
        return self.state_machine.grant_start_execution(grantee).combine(
            self.state_machine.grant_read(grantee)
        )

    def _grant_model(self, job: TransformJob) -> None:
        role = self.model.role
        role.grant_read(*job.input)
        role.grant_write(*job.output)
        if job.manifests is not None:
            role.grant_read(*job.manifests)
        role.grant_volume_key(self.key)
        role.grant_job_logs("transform")

    def _substitutions(self, job: TransformJob, fleet: TransformFleet) -> dict[str, str]:
        (source, source_prefix), (sink, sink_prefix) = job.input, job.output
        model, condition = self.model.name, self.model.condition
        if condition is not None:
            model = Fn.condition_if(condition.logical_id, model, "").to_string()
        count = fleet.count
        return {
            "ModelName": model,
            "Input": source.s3_url_for_object(source_prefix),
            "Output": sink.s3_url_for_object(sink_prefix.rstrip("/")),
            "OutputKey": sink.encryption_key.key_arn if sink.encryption_key else "",
            "InstanceType": fleet.instance_type,
            "InstanceCount": str(count) if known(count) else Token.as_string(count),
            "VolumeKey": self.key.key_arn,
            "Topic": self.failure_topic.topic_arn,
            "Results": self.result_topic.topic_arn,
        }

    def _build_starts(self, job: TransformJob, schedule: Schedule | None) -> None:
        """What starts a run besides a person: the clock, and a manifest that arrives."""
        if schedule is not None:
            Clock(
                self,
                "Clock",
                machine_arn=self.state_machine.state_machine_arn,
                moments={"Run": (schedule.at, schedule.given)},
                timezone=schedule.timezone,
                key=self.key,
            )
        if job.manifests is not None:
            bucket, prefix = job.manifests
            UploadTrigger(
                self,
                "Manifests",
                bucket=bucket,
                keys=f"{prefix}*.json",
                machine=self.state_machine,
                key=self.key,
            )

    def _grant_machine(self, role: iam.Role, name: str, job: TransformJob) -> None:
        stack = Stack.of(self)
        jobs = stack.format_arn(
            service="sagemaker", resource="transform-job", resource_name=f"{name.lower()}-*"
        )
        rule = stack.format_arn(service="events", resource="rule", resource_name=_RULE)
        sink, sink_prefix = job.output
        summaries = sink.arn_for_objects(f"{sink_prefix}*summary.json")
        keys = [self.key.key_arn]
        if sink.encryption_key is not None and sink.encryption_key is not self.key:
            keys.append(sink.encryption_key.key_arn)
        # A run that a manifest starts counts the manifest as its input.
        for bucket, prefix in filter(None, (job.input, job.output, job.manifests)):
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["s3:ListBucket"],
                    resources=[bucket.bucket_arn],
                    conditions={"StringLike": {"s3:prefix": f"{prefix}*"}},
                )
            )
        statements = [
            (
                [
                    "sagemaker:CreateTransformJob",
                    "sagemaker:DescribeTransformJob",
                    "sagemaker:StopTransformJob",
                    "sagemaker:AddTags",
                ],
                jobs,
            ),
            (["sagemaker:ListTags"], "*"),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
            (["sns:Publish"], self.failure_topic.topic_arn),
            (["sns:Publish"], self.result_topic.topic_arn),
            (["s3:PutObject"], summaries),
            *((["kms:Decrypt", "kms:GenerateDataKey"], key) for key in keys),
        ]
        for actions, resource in statements:
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        acknowledge_wildcards(
            role, [jobs], "each run has a job of its own, whose name begins with this one"
        )
        acknowledge_wildcards(role, [summaries], "each run writes its summary beside its output")
        acknowledge_wildcards(
            role, ["*"], "sagemaker:ListTags is asked for on * by the integration's own policy"
        )
