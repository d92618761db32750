"""An endpoint that several models share, each with as many copies as it needs."""

from __future__ import annotations

from dataclasses import replace

from aws_cdk import CfnCondition, CfnOutput, Names, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from sagemaker_workflow.endpoints import faults as endpoint_faults
from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.components import faults as check
from sagemaker_workflow.endpoints.components.component import InferenceComponent
from sagemaker_workflow.endpoints.components.machines import build_machines
from sagemaker_workflow.endpoints.components.spec import (
    ROUTING,
    ComponentRollout,
    ComponentScaling,
    Copy,
    ManagedScaling,
)
from sagemaker_workflow.endpoints.dashboard import build_dashboard, dashboard_body
from sagemaker_workflow.endpoints.specs import Instances, Operations
from sagemaker_workflow.endpoints.variants import warn_of_local_storage
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.keys import own_key
from sagemaker_workflow.lifecycle import EndpointLifecycle
from sagemaker_workflow.model import Model
from sagemaker_workflow.roles import ExecutionRole


class ComponentEndpoint(Construct):
    """Instances exist that models are put on with `add_component`; their number follows the copies.

    The variant names no model and the config has the role, as the service demands; there is no
    deployment config, for updates happen component by component.
    Attributes: name, arn, role, key, log_group, components, resource, config, condition, lifecycle,
    and dashboard, None where it is not wanted.

    >>> endpoint = ComponentEndpoint(self, "Models")  # doctest: +SKIP
    >>> endpoint.add_component(  # doctest: +SKIP
    ...     "churn", model=model, each=Copy(memory_mb=2048), scaling=ComponentScaling(min_copies=0)
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str | None = None,
        capacity: Instances | None = None,
        managed: ManagedScaling | None = None,
        isolated: bool = True,
        operations: Operations | None = None,
        condition: CfnCondition | None = None,
    ) -> None:
        """Make the endpoint.

        :param name: the endpoint's name, which stays. Default: one made from the path in the app
        :param capacity: the machines, and how many at the start. Default: one ml.m5.xlarge
        :param managed: bounds between which the service adds and removes machines. Default: 1 to 2
        :param isolated: containers reach no network; the models on it must be made the same way
        :param operations: key, parameter, alarm topic, log retention, dashboard
        :param condition: the endpoint exists only when this holds; so must each model's condition
        """
        super().__init__(scope, id_)
        capacity, managed = capacity or Instances(count=1), managed or ManagedScaling()
        self.name = name or Names.unique_resource_name(self, max_length=40, separator="-")
        faults = Faults(of=f"ComponentEndpoint {self.node.path}")
        endpoint_faults.check_name(self.name, faults)
        endpoint_faults.check_instances(capacity, faults, region=Stack.of(self).region)
        check.check_managed(managed, capacity, faults)
        check.check_pools(capacity, faults)
        faults.unless_one_of("routing", capacity.routing.strategy, ROUTING)
        faults.raise_any()
        operations = operations or Operations()
        self.capacity, self.isolated, self.condition = capacity, isolated, condition
        self.key: kms.IKey = operations.key or own_key(self)
        self.operations = replace(operations, key=self.key)
        self.components: dict[str, InferenceComponent] = {}
        self._callers: list[iam.IGrantable] = []
        self.role = ExecutionRole(self, "Role", kind="hosting")
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/sagemaker/Endpoints/{self.name}",
            encryption_key=self.key,
            retention=operations.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role.grant_logs(self.log_group)
        self.role.grant_volume_key(self.key)
        self.config, self.resource = build_machines(self, managed)
        warn_of_local_storage(self, capacity)
        self.lifecycle = EndpointLifecycle(
            self,
            "Lifecycle",
            name=self.name,
            operations=self.operations,
            condition=condition,
        )
        self.lifecycle.watch(self.resource, self.config.attr_endpoint_config_name)
        self._floor = managed.min_instances
        self._copies: list[int] = []  # of each component, whatever the load
        self.dashboard = (
            build_dashboard(self, name=self.name, body=self._dashboard_body())
            if operations.dashboard
            else None
        )
        self.parameter_name = (
            operations.parameter_name or f"/sagemaker-workflow/endpoints/{self.name}"
        )
        ssm.CfnParameter(
            self,
            "Name",
            type="String",
            name=self.parameter_name,
            value=self.name,
            description=f"Name of the SageMaker endpoint {self.name}",
        )
        CfnOutput(self, "EndpointName", value=self.name, description="Call the endpoint by it")

    @property
    def arn(self) -> str:
        """The endpoint's ARN. The service lower-cases the name in it (contracts 13.3)."""
        return Stack.of(self).format_arn(
            service="sagemaker", resource="endpoint", resource_name=self.name.lower()
        )

    @property
    def possible_types(self) -> list[str]:
        """Every instance type it may run on, as far as they are known."""
        return endpoint_faults.possible_types(self.capacity)

    def add_component(
        self,
        id_: str,
        *,
        model: Model,
        each: Copy | None = None,
        copies: int = 1,
        scaling: ComponentScaling | None = None,
        rollout: ComponentRollout | None = None,
        name: str | None = None,
    ) -> InferenceComponent:
        """The model runs in copies on this endpoint, and can be called by the component's name.

        :param model: what is served; one container. Make it with `role=endpoint.role`: the service
            does not say which of the two roles pulls and reads, and so both are one
        :param each: what each copy takes. Default: a gigabyte of memory
        :param copies: how many at the start [T]; a change of the component sets them again
        :param scaling: copies follow the load. Default: they stay as configured
        :param rollout: how an update replaces copies. Default: half of them at a time
        :param name: the component's name, which stays. Default: `<endpoint>-<id>`
        """
        each, rollout = each or Copy(), rollout or ComponentRollout()
        name = name or f"{self.name}-{id_}"
        faults = Faults(of=f"component {id_} of {self.node.path}")
        if id_ in self.components:
            faults.add(f"id is {id_!r}, which another component of this endpoint has: rename one")
            faults.raise_any()
        check.check_name(name, faults)
        check.check_model(self, model, faults)
        check.check_copy(each, faults)
        check.check_room(each, self.possible_types, faults)
        check.check_copies(copies, scaling, faults)
        check.check_rollout(rollout, faults)
        faults.raise_any()
        component = InferenceComponent(
            self,
            id_,
            endpoint=self,
            name=name,
            model=model,
            each=each,
            copies=copies,
            scaling=scaling,
            rollout=rollout,
        )
        self.components[id_] = component
        self._copies.append(copies if scaling is None else scaling.min_copies)
        for caller in self._callers:
            component.grant_invoke(caller)
        if self.dashboard is not None:
            self.dashboard.dashboard_body = self._dashboard_body()
        return component

    def grant_invoke(self, grantee: iam.IGrantable) -> None:
        """The grantee can call every component of this endpoint, those added later included."""
        self._callers.append(grantee)
        for component in self.components.values():
            component.grant_invoke(grantee)

    def _dashboard_body(self) -> str:
        """What there is to show now; each component that is added makes it anew."""
        added = self.components.values()
        return dashboard_body(
            name=self.name,
            kind="components",
            variants=[limits.VARIANT],
            alarms=[alarm.attr_arn for one in added for alarm in (*one.alarms, one.no_capacity)],
            floors=[self._floor],
            copies=self._copies,
            components={id_: one.name for id_, one in self.components.items()},
        )
