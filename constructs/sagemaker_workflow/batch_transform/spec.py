"""What a batch transform is asked to do, as values. [T] may be a parameter's value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import aws_s3 as s3


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformJob:
    """Where records come from, how they are cut and put together, where predictions go.

    - `input`, `output`: (bucket, prefix). Every object under the input prefix is read; each run
      writes under `<output prefix>/<job name>/`.
    - `content_type` of the records, `accept` of the predictions (default: the same).
    - `split`: what separates records; `strategy`: how many go into one request; `assemble`: how
      predictions are joined up again.
    - `join`: put each prediction beside its record. `input_filter` and `output_filter` (JSONPath)
      choose what the model is given and what is kept.
    - `max_payload_mb`: size of one request, 0 for no limit; `max_concurrent`: requests at once.
    - `manifests`: (bucket, prefix). A manifest (SageMaker's ManifestFile) that arrives there, as
      `<prefix>...json`, starts a run over what it lists; the bucket must announce its objects.
    - `timeout_seconds`: for the whole job.
    """

    input: tuple[s3.IBucket, str]
    output: tuple[s3.IBucket, str]
    content_type: str = "text/csv"
    accept: str | None = None
    split: Literal["Line", "RecordIO", "TFRecord", "None"] = "Line"
    strategy: Literal["MultiRecord", "SingleRecord"] = "MultiRecord"
    assemble: Literal["Line", "None"] = "Line"
    join: bool = False
    input_filter: str | None = None
    output_filter: str | None = None
    max_payload_mb: int = 6
    max_concurrent: int = 1
    timeout_seconds: int = 6 * 60 * 60
    environment: Mapping[str, str] = field(default_factory=dict)
    manifests: tuple[s3.IBucket, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A run starts `at` a moment, as EventBridge Scheduler writes it: `cron(0 6 * * ? *)`.

    `timezone` is an IANA name, `given` the execution's input.
    """

    at: str
    timezone: str = "UTC"
    given: str = "{}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformFleet:
    """The machines of one run: `instance_type` [T], `count` [T].

    One object is read by one instance. `allowed_types`: what an `instance_type` parameter may
    become; needed then, because not every type takes a volume key. `types_known_here`: types that
    the region has although `instance_types.lock.json` lists them for other regions only.
    """

    instance_type: str = "ml.m5.xlarge"
    count: int = 1
    allowed_types: Sequence[str] = ()
    max_count: int = 100  # the most that an execution may ask for
    types_known_here: Sequence[str] = ()
