"""An endpoint that queues requests, for large payloads and long answers; it can sleep at zero."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from sagemaker_workflow.endpoints import faults as check
from sagemaker_workflow.endpoints.asynchronous.alarms import STUCK, old, request_alarms
from sagemaker_workflow.endpoints.asynchronous.topics import build_queue, build_topic, subscribe
from sagemaker_workflow.endpoints.base import Endpoint
from sagemaker_workflow.endpoints.specs import (
    AsyncResults,
    Instances,
    Operations,
    Queues,
    Rollout,
    Scaling,
)
from sagemaker_workflow.endpoints.variants import (
    floor_of,
    instance_variant,
    shape_of,
    smallest_fleets,
    warn_of_local_storage,
)
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.model import Model


class AsyncEndpoint(Endpoint):
    """An asynchronous endpoint reads requests from S3, writes replies there and tells two topics.

    Attributes besides an endpoint's: success_topic, error_topic, results, queues, scaling.

    >>> AsyncEndpoint(  # doctest: +SKIP
    ...     self, "Churn", model=model, results=AsyncResults(bucket=bucket, prefix="churn")
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        model: Model,
        results: AsyncResults,
        name: str | None = None,
        capacity: Instances | None = None,
        rollout: Rollout | None = None,
        scaling: Scaling | None = None,
        operations: Operations | None = None,
    ) -> None:
        """Make the endpoint; it exists while the model's condition holds.

        :param model: what is served
        :param results: where replies and failures go, and who is told
        :param name: the endpoint's name, which stays. Default: one made from the path in the app
        :param capacity: the machines; always at least one at the start. Default: one ml.m5.xlarge
        :param rollout: how updates happen. Default: all at once, watched for five minutes
        :param scaling: capacity follows the queue, down to zero. Default: it stays as configured
        :param operations: key, parameter, alarm topic, log retention
        """
        capacity, rollout = capacity or Instances(count=1), rollout or Rollout()
        faults = Faults(of="")
        check.check_instances(capacity, faults, model=model, region=Stack.of(scope).region)
        check.check_rollout(rollout, serverless=False, faults=faults)
        check.check_results(results, faults)
        check.check_scaling(scaling, lowest=0, unit="instances", faults=faults, kind="backlog")
        super().__init__(
            scope,
            id_,
            model=model,
            name=name,
            operations=operations or Operations(),
            faults=faults,
        )
        warn_of_local_storage(self, capacity)
        self.results = results
        self._prefix = results.prefix.rstrip("/")
        self.success_topic = build_topic(self, "Success", self.key)
        self.error_topic = build_topic(self, "Error", self.key)
        subscribe(
            self,
            results.notification_email,
            success=self.success_topic,
            error=self.error_topic,
        )
        self.queues = self._build_queues(results.queues) if results.queues else None
        self._grant_results()
        self._deploy(
            variant=instance_variant(model, capacity, self),
            rollout=rollout,
            alarms=request_alarms(rollout),
            # A queue without machines is no fault of the new model.
            unwatched=(STUCK, old(results.max_age_seconds)),
            counts=smallest_fleets(capacity, scaling),
            floors=[floor_of(capacity, scaling)],
            scales=scaling is not None,
            async_inference_config=self._config(),
        )
        # The service publishes a test message to both topics while it makes the endpoint.
        for topic in (self.success_topic, self.error_topic):
            self.resource.node.add_dependency(topic)
        self.scaling = self._scale(scaling, follows="backlog", shape=shape_of(capacity))

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """The same as grant_invoke_async: this endpoint takes no other calls."""
        return self.grant_invoke_async(grantee)

    def grant_invoke_async(self, grantee: iam.IGrantable) -> iam.Grant:
        """The grantee can put requests into the input prefix, call, and read what came of it."""
        bucket = self.results.bucket
        grant = self._grant(grantee, "sagemaker:InvokeEndpointAsync")
        put = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["s3:PutObject"],
            resource_arns=[bucket.arn_for_objects(f"{self._prefix}/input/*")],
        )
        get = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["s3:GetObject"],
            resource_arns=[
                bucket.arn_for_objects(f"{self._prefix}/output/*"),
                bucket.arn_for_objects(f"{self._prefix}/failure/*"),
            ],
        )
        grant = grant.combine(put).combine(get)
        if bucket.encryption_key is not None:
            grant = grant.combine(
                iam.Grant.add_to_principal(
                    grantee=grantee,
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resource_arns=[bucket.encryption_key.key_arn],
                )
            )
        return grant

    def grant_take_results(self, grantee: iam.IGrantable) -> iam.Grant:
        """The grantee can take messages from both queues, and delete them."""
        if self.queues is None:
            raise ValueError(f"{self.node.path} has no queues: set results.queues")
        success, error = self.queues
        return success.grant_consume_messages(grantee).combine(
            error.grant_consume_messages(grantee)
        )

    def metric_backlog(self) -> cloudwatch.Metric:
        """Requests waiting or in work."""
        return self.metric("ApproximateBacklogSize", statistic="Average", per_variant=False)

    def metric_errors(self) -> cloudwatch.Metric:
        """Requests a minute that ended in a failure."""
        return self.metric("InvocationFailures")

    def metric_expired(self) -> cloudwatch.Metric:
        """Requests a minute that waited longer than their time to live, and are lost."""
        return self.metric("ExpiredRequests")

    def _build_queues(self, asked: Queues) -> tuple[sqs.Queue, sqs.Queue]:
        return (
            build_queue(self, "Success", self.success_topic, asked, self.key),
            build_queue(self, "Error", self.error_topic, asked, self.key),
        )

    def _grant_results(self) -> None:
        role, bucket = self.model.role, self.results.bucket
        role.grant_read(bucket, f"{self._prefix}/input/")
        role.grant_write(bucket, f"{self._prefix}/output/")
        role.grant_write(bucket, f"{self._prefix}/failure/")
        role.grant_publish(self.success_topic, self.key)
        role.grant_publish(self.error_topic, self.key)

    def _config(self) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
        bucket, config = self.results.bucket, sagemaker.CfnEndpointConfig
        topics = ["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"]
        most = self.results.max_concurrent_per_instance
        return config.AsyncInferenceConfigProperty(
            client_config=(
                config.AsyncInferenceClientConfigProperty(
                    max_concurrent_invocations_per_instance=most
                )
                if most
                else None
            ),
            output_config=config.AsyncInferenceOutputConfigProperty(
                s3_output_path=bucket.s3_url_for_object(f"{self._prefix}/output"),
                s3_failure_path=bucket.s3_url_for_object(f"{self._prefix}/failure"),
                kms_key_id=bucket.encryption_key.key_arn if bucket.encryption_key else None,
                notification_config=config.AsyncInferenceNotificationConfigProperty(
                    success_topic=self.success_topic.topic_arn,
                    error_topic=self.error_topic.topic_arn,
                    include_inference_response_in=topics if self.results.include_response else None,
                ),
            ),
        )
