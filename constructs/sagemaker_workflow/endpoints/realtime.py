"""An endpoint on instances that are always there, for replies within a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aws_cdk import Annotations
from constructs import Construct

from sagemaker_workflow.endpoints import faults as check
from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.alarms import AlarmSpec
from sagemaker_workflow.endpoints.answering import AnsweringEndpoint, request_alarms
from sagemaker_workflow.endpoints.capture import capture_config, grant_capture
from sagemaker_workflow.endpoints.specs import (
    Capture,
    Instances,
    Operations,
    Rollout,
    Scaling,
    Shadow,
    Variant,
)
from sagemaker_workflow.endpoints.variants import (
    floor_of,
    shadow_of,
    shape_of,
    smallest_fleets,
    variants_of,
    warn_of_local_storage,
    with_capacity,
)
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.model import Model
from sagemaker_workflow.place import place_of

_SLOW_MS = 5000


class RealtimeEndpoint(AnsweringEndpoint):
    """A real-time endpoint serves models, updates are watched by alarms and rolled back.

    Attributes besides an endpoint's: variants, scalings by the variant's name, and scaling, which
    is the first variant's.

    >>> RealtimeEndpoint(self, "Churn", model=model)  # doctest: +SKIP
    >>> RealtimeEndpoint(  # doctest: +SKIP
    ...     self,
    ...     "Compared",
    ...     variants=[
    ...         Variant(name="champion", model=model, weight=9),
    ...         Variant(name="challenger", model=other, weight=1),
    ...     ],
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        model: Model | None = None,
        variants: Sequence[Variant] = (),
        shadow: Shadow | None = None,
        name: str | None = None,
        capacity: Instances | None = None,
        rollout: Rollout | None = None,
        capture: Capture | None = None,
        scaling: Scaling | None = None,
        operations: Operations | None = None,
    ) -> None:
        """Make the endpoint; it exists while the (first) model's condition holds.

        :param model: what is served, when it is one model
        :param variants: the models that share the requests, when they are several
        :param shadow: a model that gets copies of the requests. Default: none
        :param name: the endpoint's name, which stays. Default: one made from the path in the app
        :param capacity: the machines. Default: two ml.m5.xlarge
        :param rollout: how updates happen. Default: a canary of one instance for five minutes
        :param capture: keeps requests and replies. Default: nothing is kept
        :param scaling: capacity follows the requests. Default: it stays as configured
        :param operations: key, parameter, alarm topic, log retention, metrics
        """
        rollout, operations = rollout or Rollout(), operations or Operations()
        faults = Faults(of="")
        beside = [name for name, given in (("capacity", capacity), ("scaling", scaling)) if given]
        check.check_choice(model, variants, beside, faults)
        if model is not None and not variants:
            variants = [
                Variant(name=limits.VARIANT, model=model, capacity=capacity, scaling=scaling)
            ]
        region = place_of(scope).region
        check.check_variants(variants, rollout, faults, region=region)
        check.check_shadow(shadow, variants, faults, region=region)
        check.check_rollout(rollout, serverless=False, faults=faults)
        check.check_capture(capture, faults)
        check.check_metrics(operations, on_instances=True, faults=faults)
        served = [*(one.model for one in variants), *([shadow.model] if shadow else [])]
        for other in served[1:]:
            check.check_stack(scope, other, faults)
        if not served:
            faults.of = f"{type(self).__name__} {scope.node.path}/{id_}"
            faults.raise_any()
        super().__init__(
            scope, id_, model=served[0], name=name, operations=operations, faults=faults
        )
        self.variants = [with_capacity(one) for one in variants]
        self.variant_name = self.variants[0].name
        counts = []
        for one in self.variants:
            warn_of_local_storage(self, one.capacity or Instances())
            counts += smallest_fleets(one.capacity or Instances(), one.scaling)
        alarms = _alarms(rollout, self.variants)
        self._warn_of_unwatched(alarms)
        if capture is not None:
            grant_capture(capture, served)
        first, *others = variants_of(self, self.variants)
        self._deploy(
            variant=first,
            others=others,
            models=served[1:],
            rollout=rollout,
            alarms=alarms,
            counts=counts,
            floors=_floors(self.variants, shadow),
            scales=any(one.scaling for one in self.variants),
            shadow_production_variants=(
                shadow_of(self, shadow, self.variants[0]) if shadow else None
            ),
            data_capture_config=capture_config(capture),
        )
        self.scalings = {
            one.name: self._scale(
                one.scaling,
                follows="invocations",
                shape=shape_of(one.capacity or Instances()),
                variant=one.name,
            )
            for one in self.variants
        }
        self.scaling = self.scalings[self.variant_name]

    def _warn_of_unwatched(self, alarms: Sequence[AlarmSpec]) -> None:
        if len(alarms) > limits.ROLLBACK_ALARMS:
            left = ", ".join(one.id for one in alarms[limits.ROLLBACK_ALARMS :])
            Annotations.of(self).add_warning_v2(
                "sagemaker-workflow:unwatched-alarms",
                f"a rollout watches {limits.ROLLBACK_ALARMS} alarms, so these do not send it back: "
                f"{left}",
            )


def _floors(variants: Sequence[Variant], shadow: Shadow | None) -> list[int]:
    """How many instances each fleet has at least, of those that are there with the endpoint."""
    first = variants[0]
    fleets = [(one.model, floor_of(one.capacity or Instances(), one.scaling)) for one in variants]
    if shadow is not None:
        machines = shadow.capacity or first.capacity or Instances()
        fleets.append((shadow.model, machines.count))
    always = (None, first.model.condition)
    return [least for model, least in fleets if model.condition in always]


def _alarms(rollout: Rollout, variants: Sequence[Variant]) -> list[AlarmSpec]:
    """Every variant's, errors of all before slowness of any: a rollout watches the first ten."""
    several = len(variants) > 1
    each = [
        [
            replace(
                alarm,
                id=f"{alarm.id}-{one.name}" if several else alarm.id,
                variant=one.name,
                says=f"variant {one.name}: {alarm.says}" if several else alarm.says,
            )
            for alarm in request_alarms(rollout, _SLOW_MS)
        ]
        for one in variants
    ]
    return [alarm for kind in zip(*each, strict=True) for alarm in kind]
