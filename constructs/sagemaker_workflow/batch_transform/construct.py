"""Predictions for everything under a prefix, on machines that are there for the run only."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnCondition, Fn, ICfnConditionExpression, Names, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge_wildcards
from sagemaker_workflow.batch_transform import faults as check
from sagemaker_workflow.batch_transform.definition import definition
from sagemaker_workflow.batch_transform.spec import TransformFleet, TransformJob
from sagemaker_workflow.endpoints.limits import has_nvme
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.keys import own_key
from sagemaker_workflow.model import Model
from sagemaker_workflow.notifications import Notifications
from sagemaker_workflow.state_machine import StateMachine

_RULE = "StepFunctionsGetEventsForSageMakerTransformJobsRule"


class BatchTransform(Construct):
    """A state machine runs a transform job over a prefix, with the model there is.

    Start it with `{}`, or with other places inside the same prefixes:
    `{"input": "s3://...", "output": "s3://..."}`. Without a model it fails at once and says so.
    Throttling is retried, a lack of capacity waited out, a failure published on a topic.

    Attributes: state_machine, failure_topic, model.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        model: Model,
        job: TransformJob,
        fleet: TransformFleet | None = None,
        name: str | None = None,
        notification_email: str | None = None,
        key: kms.IKey | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        """Make the state machine; it is there also while the model's condition does not hold.

        :param model: what predicts; its role reads the input and writes the output
        :param job: what to read, how, and where to write
        :param fleet: the machines. Default: one ml.m5.xlarge
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
        faults.raise_any()
        self.model = model
        self.key = key or own_key(self)
        notifications = Notifications(self, "Failures", key=self.key, email=notification_email)
        self.failure_topic = notifications.topic
        self._grant_model(job)
        made = StateMachine(
            self,
            "Machine",
            definition=definition(job, name),
            substitutions=self._substitutions(job, fleet),
            key=self.key,
            log_retention=log_retention,
        )
        self.state_machine = made.machine
        self._grant_machine(made.role, name)
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
            "VolumeKey": self._volume_key(fleet),
            "Topic": self.failure_topic.topic_arn,
        }

    def _volume_key(self, fleet: TransformFleet) -> str:
        """The key, or nothing for types with local storage: a request that names one is refused."""
        possible = fleet.allowed_types or (fleet.instance_type,)
        if known(fleet.instance_type):
            return "" if has_nvme(fleet.instance_type) else self.key.key_arn
        local = [one for one in possible if has_nvme(one)]
        if not local:
            return self.key.key_arn
        if len(local) == len(possible):
            return ""
        local_storage = CfnCondition(
            self,
            "HasLocalStorage",
            # Fn::Or takes ten at most, a list of types in one Fn::Contains is for rules only.
            expression=_any(fleet.instance_type, local),
        )
        return Fn.condition_if(local_storage.logical_id, "", self.key.key_arn).to_string()

    def _grant_machine(self, role: iam.Role, name: str) -> None:
        stack = Stack.of(self)
        jobs = stack.format_arn(
            service="sagemaker", resource="transform-job", resource_name=f"{name.lower()}-*"
        )
        rule = stack.format_arn(service="events", resource="rule", resource_name=_RULE)
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
            (["kms:Decrypt", "kms:GenerateDataKey"], self.key.key_arn),
        ]
        for actions, resource in statements:
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        acknowledge_wildcards(
            role, [jobs], "each run has a job of its own, whose name begins with this one"
        )
        acknowledge_wildcards(
            role, ["*"], "sagemaker:ListTags is asked for on * by the integration's own policy"
        )


def _any(value: str, allowed: Sequence[str]) -> ICfnConditionExpression:
    equal: list[ICfnConditionExpression] = [Fn.condition_equals(value, one) for one in allowed]
    while len(equal) > 1:
        equal = [
            Fn.condition_or(*some) if len(some) > 1 else some[0]
            for some in (equal[start : start + 10] for start in range(0, len(equal), 10))
        ]
    return equal[0]
