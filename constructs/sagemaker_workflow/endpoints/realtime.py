"""An endpoint on instances that are always there, for replies within a second."""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from sagemaker_workflow.autoscaling import EndpointScaling
from sagemaker_workflow.endpoints import faults as check
from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.alarms import AlarmSpec
from sagemaker_workflow.endpoints.answering import AnsweringEndpoint, request_alarms
from sagemaker_workflow.endpoints.specs import Capture, Instances, Operations, Rollout, Scaling
from sagemaker_workflow.endpoints.variants import (
    instance_variant,
    smallest_fleets,
    warn_of_local_storage,
)
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.model import Model

_SLOW_MS = 5000


class RealtimeEndpoint(AnsweringEndpoint):
    """A real-time endpoint serves the model, updates are watched by alarms and rolled back.

    >>> RealtimeEndpoint(self, "Churn", model=model)  # doctest: +SKIP
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        model: Model,
        name: str | None = None,
        capacity: Instances | None = None,
        rollout: Rollout | None = None,
        capture: Capture | None = None,
        scaling: Scaling | None = None,
        operations: Operations | None = None,
    ) -> None:
        """Make the endpoint; it exists while the model's condition holds.

        :param model: what is served
        :param name: the endpoint's name, which stays. Default: one made from the path in the app
        :param capacity: the machines. Default: two ml.m5.xlarge
        :param rollout: how updates happen. Default: a canary of one instance for five minutes
        :param capture: keeps requests and replies. Default: nothing is kept
        :param scaling: capacity follows the requests. Default: it stays as configured
        :param operations: key, parameter, alarm topic, log retention
        """
        capacity, rollout = capacity or Instances(), rollout or Rollout()
        faults = Faults(of="")
        check.check_instances(capacity, faults)
        check.check_rollout(rollout, serverless=False, faults=faults)
        check.check_capture(capture, faults)
        check.check_scaling(scaling, lowest=1, unit="instances", faults=faults)
        super().__init__(
            scope,
            id_,
            model=model,
            name=name,
            operations=operations or Operations(),
            faults=faults,
        )
        warn_of_local_storage(self, capacity)
        if capture is not None:
            model.role.grant_write(capture.bucket, _slashed(capture.prefix))
        self._deploy(
            variant=instance_variant(model, capacity),
            rollout=rollout,
            alarms=_alarms(rollout),
            counts=smallest_fleets(capacity, scaling),
            data_capture_config=_capture_config(capture),
        )
        self.scaling = (
            EndpointScaling(
                self,
                "Scaling",
                endpoint=self.resource,
                name=self.name,
                shape={"InstanceType": capacity.instance_type},
                scaling=scaling,
                follows="invocations",
                variant=limits.VARIANT,
                operations=self.operations,
            )
            if scaling
            else None
        )


def _alarms(rollout: Rollout) -> list[AlarmSpec]:
    return request_alarms(rollout, _SLOW_MS)


def _capture_config(
    capture: Capture | None,
) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None:
    if capture is None:
        return None
    key = capture.bucket.encryption_key
    option = sagemaker.CfnEndpointConfig.CaptureOptionProperty
    return sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
        enable_capture=True,
        initial_sampling_percentage=capture.sampling_percent,
        destination_s3_uri=capture.bucket.s3_url_for_object(capture.prefix.rstrip("/")),
        kms_key_id=key.key_arn if key else None,
        capture_options=[option(capture_mode="Input"), option(capture_mode="Output")],
        # Without this list the content is kept in base64, which no one can read in a console.
        capture_content_type_header=(
            sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty(
                csv_content_types=["text/csv"],
                json_content_types=["application/json", "application/jsonlines"],
            )
        ),
    )


def _slashed(prefix: str) -> str:
    return prefix if prefix.endswith("/") else f"{prefix}/"
