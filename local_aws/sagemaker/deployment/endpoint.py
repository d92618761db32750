"""A live endpoint: its status, its fleets, what DescribeEndpoint says of it."""

import copy
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from local_aws.runtime.asynchronous import AsyncQueue
from local_aws.runtime.capture import Capture
from local_aws.runtime.hosting import Variant
from local_aws.sagemaker import events, store
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.deployment.fleet import Fleet, Slot
from local_aws.sagemaker.deployment.traffic import Balancer, Route
from local_aws.sagemaker.errors import invalid
from local_aws.sagemaker.outbox import Outbox

BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack")


class Endpoint:
    """Everything about one endpoint. Fields change only under `store.lock`."""

    def __init__(self, name: str, config: Mapping[str, Any]) -> None:
        self.name = name
        self.arn = arn("endpoint", name)
        self.config: dict[str, Any] = dict(config)
        self.status = "Creating"
        self.failure_reason: str | None = None
        self.created = self.modified = store.now()
        self.routes: list[Route] = []
        self.pending: Fleet | None = None
        self.pending_since = 0.0
        self.deployment_config: dict[str, Any] | None = None
        self.capture = config.get("DataCaptureConfig")
        self.capturer: Capture | None = None
        self.queue: AsyncQueue | None = None
        self.balancer = Balancer()
        self.stop = threading.Event()
        self._outbox = Outbox()

    @property
    def fleet(self) -> Fleet:
        """The fleet that serves; during a shift, the old one."""
        return self.routes[0][0]

    @property
    def first(self) -> Slot:
        """The first production variant, the only one of an asynchronous endpoint."""
        return next(iter(self.fleet.slots.values()))

    @property
    def asynchronous(self) -> bool:
        return "AsyncInferenceConfig" in self.config

    def configs_in_use(self) -> set[str]:
        used = {self.config["EndpointConfigName"]}
        return used | {self.pending.config_name} if self.pending else used

    def move(self, status: str, reason: str | None = None) -> None:
        """The endpoint has the status, waiters know, and an event says so."""
        with store.changed:
            self.status, self.failure_reason, self.modified = status, reason, store.now()
            self._outbox.add(partial(events.endpoint, self.describe()))
            store.changed.notify_all()
        self._outbox.send()

    def stage(self, fleet: Fleet, status: str) -> None:
        """The fleet's variants are at this stage of a deployment, and an event says so."""
        with store.changed:
            for slot in fleet.all_slots.values():
                slot.stages = [{"Status": status, "StartTime": store.now()}]
            self._outbox.add(partial(events.deployment, self.describe()))
            store.changed.notify_all()
        self._outbox.send()

    def pick(self, target: str | None) -> Slot | None:
        """The variant for the next request, held until `release`."""
        with store.lock:
            if self.status not in SERVING or not self.routes:
                return None
            picked = self.balancer.pick(self.routes, target)
            if picked:
                picked.busy += 1
                picked.peak = max(picked.peak, picked.busy)
            return picked

    def hold(self, slot: Slot) -> None:
        """A further request is under way on the slot, until `release`."""
        with store.lock:
            slot.busy += 1

    @contextmanager
    def lease(self) -> Iterator[Variant]:
        """The first variant; its fleet is not stopped while it is used."""
        with store.lock:
            slot = self.first
            slot.busy += 1
        try:
            yield slot.variant
        finally:
            self.release(slot)

    def set_capture(self, config: Mapping[str, Any] | None) -> None:
        """Requests are captured as configured from now on; what was captured before is written."""
        new = Capture(self.name, config) if config is not None and captures(config) else None
        with store.lock:
            old, self.capturer, self.capture = self.capturer, new, config
        if old is not None:
            old.close()

    def release(self, slot: Slot) -> None:
        """The request is over: what waits to stop the slot's fleet may go on."""
        with store.changed:
            slot.busy -= 1
            store.changed.notify_all()

    def describe(self) -> dict[str, Any]:
        """The DescribeEndpoint response."""
        with store.lock:
            described = {
                "EndpointName": self.name,
                "EndpointArn": self.arn,
                "EndpointConfigName": self.config["EndpointConfigName"],
                "EndpointStatus": self.status,
                "FailureReason": self.failure_reason,
                "CreationTime": self.created,
                "LastModifiedTime": self.modified,
                "LastDeploymentConfig": self.deployment_config,
                "AsyncInferenceConfig": self.config.get("AsyncInferenceConfig"),
                "DataCaptureConfig": _capture_summary(self.capture, self.capturer),
                "PendingDeploymentSummary": self._pending_summary(),
                "ProductionVariants": self._summaries(self.fleet.slots) if self.routes else None,
                "ShadowProductionVariants": (self._summaries(self.fleet.shadows) or None)
                if self.routes
                else None,
            }
            return copy.deepcopy({k: v for k, v in described.items() if v is not None})

    def _pending_summary(self) -> dict[str, Any] | None:
        if self.pending is None:
            return None
        summary = {
            "EndpointConfigName": self.pending.config_name,
            "StartTime": self.pending_since,
            "ProductionVariants": self._summaries(self.pending.slots, self.pending_since),
        }
        if self.pending.shadows:
            summary["ShadowProductionVariants"] = self._summaries(
                self.pending.shadows, self.pending_since
            )
        return summary

    def _summaries(
        self, slots: Mapping[str, Slot], resolved: float | None = None
    ) -> list[dict[str, Any]]:
        since = self.created if resolved is None else resolved
        return [_variant_summary(slot, since) for slot in slots.values()]


def require(name: str) -> Endpoint:
    """The endpoint of that name, in any case of letters, as the control plane takes it."""
    found: Endpoint | None = store.endpoints.get(name.lower())
    if found is None:
        raise invalid(f'Could not find endpoint "{arn("endpoint", name)}".')
    return found


def _variant_summary(slot: Slot, resolved: float) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "VariantName": slot.name,
        "CurrentWeight": slot.weight,
        "DesiredWeight": slot.desired_weight,
    }
    images = [container.image for container in slot.containers]
    if images:
        summary["DeployedImages"] = [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": resolved}
            for image in images
        ]
    if slot.stages:
        summary["VariantStatus"] = list(slot.stages)
    for member in ("ManagedInstanceScaling", "RoutingConfig"):
        if member in slot.config:
            summary[member] = slot.config[member]
    if slot.serverless:
        summary |= {
            "CurrentServerlessConfig": slot.config["ServerlessConfig"],
            "DesiredServerlessConfig": slot.desired_serverless,
        }
    else:
        summary |= {
            "CurrentInstanceCount": slot.count,
            "DesiredInstanceCount": slot.desired_count,
        }
    return summary


def captures(config: Mapping[str, Any] | None) -> bool:
    """Whether requests are captured: they are unless it is turned off (API, EnableCapture)."""
    return config is not None and config.get("EnableCapture") is not False


def _capture_summary(
    capture: Mapping[str, Any] | None, capturer: Capture | None
) -> dict[str, Any] | None:
    if capture is None:
        return None
    functional = capturer is not None and capturer.working
    return {
        "EnableCapture": captures(capture),
        "CaptureStatus": "Started" if functional else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }
