"""What every kind of endpoint has: config, endpoint, log, alarms, name parameter, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aws_cdk import CfnOutput, Fn, Names, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from sagemaker_workflow.autoscaling import EndpointScaling, Follows, Scaling
from sagemaker_workflow.endpoints.alarms import NAMESPACE, AlarmSpec, build_alarm, dimensions
from sagemaker_workflow.endpoints.dashboard import Kind, build_dashboard, dashboard_body
from sagemaker_workflow.endpoints.faults import check_name, check_stack
from sagemaker_workflow.endpoints.limits import ROLLBACK_ALARMS, VARIANT
from sagemaker_workflow.endpoints.rollout import deployment_config
from sagemaker_workflow.endpoints.specs import Operations, Rollout
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.keys import arn_of, own_key
from sagemaker_workflow.lifecycle import EndpointLifecycle
from sagemaker_workflow.model import Model
from sagemaker_workflow.place import keep_place


class Endpoint(Construct):
    """The part of an endpoint that does not depend on its kind. Use one of the kinds.

    Attributes: name, arn, model, key, log_group, alarms, resource, config, lifecycle.
    """

    variant_name = VARIANT

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        model: Model,
        name: str | None,
        operations: Operations,
        faults: Faults,
    ) -> None:
        super().__init__(scope, id_)
        keep_place(self, scope)
        self.name = name or Names.unique_resource_name(self, max_length=63, separator="-")
        faults.of = lambda: f"{type(self).__name__} {self.node.path}"
        check_name(self.name, faults)
        check_stack(self, model, faults)
        faults.raise_any()
        self.model = model
        log_group_name = f"/aws/sagemaker/Endpoints/{self.name}"
        self.key: kms.IKey = operations.key or own_key(self)
        self.operations = replace(operations, key=self.key)
        self.log_group = self._build_log_group(log_group_name)
        self.alarms: list[cloudwatch.CfnAlarm] = []
        self.resource: sagemaker.CfnEndpoint
        self.config: sagemaker.CfnEndpointConfig
        self._build_name_parameter()

    @property
    def arn(self) -> str:
        """The endpoint's ARN. The service lower-cases the name in it (contracts 13.3)."""
        return Stack.of(self).format_arn(
            service="sagemaker", resource="endpoint", resource_name=self.name.lower()
        )

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """The grantee can call this endpoint, streaming included, and no other."""
        return self._grant(grantee, "sagemaker:InvokeEndpoint")

    def metric(
        self,
        name: str,
        *,
        statistic: str = "Sum",
        per_variant: bool = True,
        variant: str | None = None,
    ) -> cloudwatch.Metric:
        """Any metric SageMaker publishes for this endpoint or one variant of it, by the minute.

        Default variant: the first one.
        """
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            statistic=statistic,
            dimensions_map=dimensions(
                self.name, per_variant=per_variant, variant=variant or self.variant_name
            ),
        )

    def metric_model_latency(self, *, statistic: str = "p99") -> cloudwatch.Metric:
        """How long the container takes, in microseconds."""
        return self.metric("ModelLatency", statistic=statistic)

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=[self.arn]
        )

    def _deploy(
        self,
        *,
        variant: sagemaker.CfnEndpointConfig.ProductionVariantProperty,
        others: Sequence[Any] = (),
        models: Sequence[Model] = (),
        rollout: Rollout,
        alarms: Sequence[AlarmSpec],
        unwatched: Sequence[AlarmSpec] = (),
        counts: Sequence[int],
        floors: Sequence[int] = (),
        scales: bool = True,
        **config: Any,
    ) -> None:
        """Make config and endpoint, once the roles may do all their containers need.

        `others` are the production variants besides the first, `models` all that is served
        besides its model. An update is watched by `alarms` and not by those `unwatched`. `counts`
        are what an update may find, `floors` the instances of each fleet whatever the load. Nothing
        `scales` when every count is the configured one, which an update then applies.
        """
        roles = list(dict.fromkeys([self.model.role, *(model.role for model in models)]))
        for role in roles:
            with role.at_once():
                role.grant_logs(self.log_group)
                role.grant_volume_key(self.key)
                role.grant_describe_alarms()
        self.alarms = [
            build_alarm(self, one, self.name, self.operations.alarm_topic) for one in alarms
        ]
        # No name: CloudFormation makes a new one for every change, so that the endpoint is
        # updated in place to it and the old config is there to go back to.
        self.config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant, *others],
            kms_key_id=arn_of(self.key),
            metrics_config=_metrics_config(self.operations),
            **config,
        )
        self._config_name = self.config.attr_endpoint_config_name
        self.resource = self._build_endpoint(rollout, counts, scales=scales)
        self.alarms += [
            build_alarm(self, one, self.name, self.operations.alarm_topic) for one in unwatched
        ]
        if self.model.condition is not None:
            for made in (self.config, self.resource):
                made.cfn_options.condition = self.model.condition
        self.resource.node.add_dependency(self.log_group, *roles)
        self.lifecycle = EndpointLifecycle(
            self,
            "Lifecycle",
            name=self.name,
            operations=self.operations,
            condition=self.model.condition,
        )
        self.lifecycle.watch(self.resource, self._config_name)
        if self.operations.dashboard:
            self._build_dashboard(floors, asynchronous="async_inference_config" in config)

    def _scale(
        self,
        scaling: Scaling | None,
        *,
        follows: Follows,
        shape: Mapping[str, str | int],
        variant: str = VARIANT,
    ) -> EndpointScaling | None:
        """The variant's capacity follows the load; None when there is no scaling."""
        if scaling is None:
            return None
        return EndpointScaling(
            self,
            "Scaling" if variant == VARIANT else f"Scaling{variant}",
            lifecycle=self.lifecycle,
            endpoint=self.resource,
            variant=variant,
            shape=shape,
            scaling=scaling,
            follows=follows,
        )

    def _build_endpoint(
        self, rollout: Rollout, counts: Sequence[int], *, scales: bool
    ) -> sagemaker.CfnEndpoint:
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_name=self.name,
            endpoint_config_name=self._config_name,
            **(_retained(rollout, scales=scales) if counts else {}),
        )
        # Parts of it are chosen by parameters, and CDK does not translate what is in a Fn::If.
        endpoint.add_property_override(
            "DeploymentConfig",
            deployment_config(self, rollout, alarm_names=self._watched(), counts=counts),
        )
        return endpoint

    def _watched(self) -> list[str]:
        """The alarms of a rollout: the first ten, the most the service takes (contracts 3.6)."""
        return [one.ref for one in self.alarms[:ROLLBACK_ALARMS]]

    def _build_dashboard(self, floors: Sequence[int], *, asynchronous: bool) -> None:
        variants = [one.name for one in getattr(self, "variants", [])] or [self.variant_name]
        kind: Kind = "asynchronous" if asynchronous else "real-time" if floors else "serverless"
        body = dashboard_body(
            name=self.name,
            kind=kind,
            variants=variants,
            alarms=[one.attr_arn for one in self.alarms],
            floors=floors,
        )
        build_dashboard(self, name=self.name, body=body)

    def _build_log_group(self, name: str) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Log",
            log_group_name=name,
            encryption_key=self.key,
            retention=self.operations.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _build_name_parameter(self) -> None:
        parameter = self.operations.parameter_name or f"/sagemaker-workflow/endpoints/{self.name}"
        ssm.CfnParameter(
            self,
            "Name",
            type="String",
            name=parameter,
            value=self.name,
            description=f"Name of the SageMaker endpoint {self.name}",
        )
        CfnOutput(self, "EndpointName", value=self.name, description="Call the endpoint by it")


def _metrics_config(
    operations: Operations,
) -> sagemaker.CfnEndpointConfig.MetricsConfigProperty | None:
    metrics = operations.metrics
    if metrics is None:
        return None
    return sagemaker.CfnEndpointConfig.MetricsConfigProperty(
        enable_enhanced_metrics=metrics.enhanced,
        enable_detailed_observability=metrics.detailed,
        metric_publish_frequency_in_seconds=metrics.every_seconds,
    )


def _retained(rollout: Rollout, *, scales: bool) -> dict[str, Any]:
    """A deployment keeps weights, and the counts that scaling set; data capture still changes."""
    types = ["DataCaptureConfig", *([] if scales else ["DesiredInstanceCount"])]
    prop = sagemaker.CfnEndpoint.VariantPropertyProperty
    excluded: Any = [prop(variant_property_type=one) for one in types]
    retain: Any = True
    # CDK does not translate what is in a Fn::If.
    as_written: Any = [{"VariantPropertyType": one} for one in types]
    if (weights := rollout.apply_configured_weights) is not None:
        weighed = [*as_written, {"VariantPropertyType": "DesiredWeight"}]
        excluded = as_written = Fn.condition_if(weights.logical_id, weighed, as_written)
    if (anew := rollout.apply_configured_counts) is not None:
        excluded = Fn.condition_if(anew.logical_id, {"Ref": "AWS::NoValue"}, as_written)
        retain = Fn.condition_if(anew.logical_id, False, True)
    return {
        "retain_all_variant_properties": retain,
        "exclude_retained_variant_properties": excluded,
    }
