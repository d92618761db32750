"""The models behind one endpoint and their shares of the requests, as values."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_workflow.autoscaling import Scaling
from sagemaker_workflow.endpoints.specs.capacity import Instances
from sagemaker_workflow.model import Model


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One of up to ten models that share an endpoint's requests.

    - `name`: stays, for updates need the same names before and after.
    - `weight` [T]: its share is its weight divided by the sum of all; 0 means no request at all
      except those that name it (TargetVariant), and its machines run all the same.
    - `capacity`, `scaling`: its own machines. Default: two ml.m5.xlarge, as many as configured.

    A variant other than the first is left out while its model's condition does not hold.
    """

    name: str
    model: Model
    weight: float = 1
    capacity: Instances | None = None
    scaling: Scaling | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shadow:
    """A model that gets copies of requests and whose replies nobody sees.

    - `share` [T] of the requests that is copied to it, above 0 and up to 1.
    - `capacity`: its own machines. Default: those of the model it shadows.

    It is left out while its model's condition does not hold.
    """

    model: Model
    name: str = "shadow"
    share: float = 1
    capacity: Instances | None = None
