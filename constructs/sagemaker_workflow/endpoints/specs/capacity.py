"""What an endpoint runs on, as values. Ranges are in `limits`; [T] may be a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

RoutingStrategy = Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM", "PREFIX_AWARE", "KV_AWARE"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """Which instance of a variant gets a request.

    - `LEAST_OUTSTANDING_REQUESTS`, ours: the service's own default is RANDOM, which queues behind
      a slow instance while another one is free.
    - `PREFIX_AWARE`: requests with the same first `prefix_length` bytes go to the same instance,
      whose cache knows them, until it has `concurrency_threshold` in work; both are required.
    - `KV_AWARE`: the instance that holds most of the prompt in its key-value cache; works only
      with containers that tell, such as AWS's vLLM image.
    """

    strategy: RoutingStrategy = "LEAST_OUTSTANDING_REQUESTS"
    prefix_length: int | None = None
    concurrency_threshold: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Instances:
    """Machines that are always there.

    - `instance_type` [T], `count` [T]: two by default, so that one can fail and a canary is
      possible. `allowed_types`: what an `instance_type` parameter may become; each is checked.
    - `fallback_types`: up to four, taken in this order where `instance_type` has no capacity just
      then (SageMaker's instance pools). Volume, AMI version and container are the same on all.
      `provision_timeout_seconds`: how long capacity is looked for. Default: the service's.
    - `volume_gb`: storage per instance, where it is not the instance's own: types with local
      storage have what they have. Default: the service's choice.
    - `ami_version`: images built on CUDA 13 need a newer one than the default (contracts 3.3):
      al2023-ami-sagemaker-inference-gpu-4-1 has CUDA 13. Set on those of the types it is made for.
    - `startup_timeout_seconds`, `download_timeout_seconds`: how long a container may take to
      answer /ping, and the artifacts to arrive, before the deployment is given up. Default: ten
      minutes; for unpacked artifacts, which are large models' form, half an hour and an hour.
    - `routing`: which instance gets a request.
    - `types_known_here`: types that the region has although `instance_types.lock.json` lists them
      for other regions only.
    """

    instance_type: str = "ml.m5.xlarge"
    count: int = 2
    allowed_types: Sequence[str] = ()
    fallback_types: Sequence[str] = ()
    provision_timeout_seconds: int | None = None
    volume_gb: int | None = None
    ami_version: str | None = None
    startup_timeout_seconds: int | None = None
    download_timeout_seconds: int | None = None
    routing: Routing = Routing()
    types_known_here: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Serverless:
    """Machines that come with the requests: no GPU, no VPC, 4 MB and 60 s a request.

    `memory_mb` [T] in steps of 1024; `max_concurrency` [T] requests at once, more are throttled;
    `provisioned_concurrency` [T] of them kept warm, and paid for.
    """

    memory_mb: int = 2048
    max_concurrency: int = 5
    provisioned_concurrency: int | None = None
