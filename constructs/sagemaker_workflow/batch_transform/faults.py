"""What the service would refuse about a transform job (contracts 6)."""

from __future__ import annotations

import json
import re

from sagemaker_workflow.batch_transform.spec import Schedule, TransformFleet, TransformJob
from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.model import Model
from sagemaker_workflow.schedules.moments import moment_fault, timezone_fault

# The rest of a job's name: a hash of the execution, the attempt and the retry.
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,39}")
_MAX_PRODUCT_MB = 100


def check_job(job: TransformJob, faults: Faults) -> None:
    for name, (_, prefix) in (("input", job.input), ("output", job.output)):
        if known(prefix) and (not prefix or prefix.startswith(("/", "s3:"))):
            faults.add(
                f"{name} prefix is {prefix!r}, allowed is a key prefix without bucket and leading "
                "slash: write one like 'batch/input/'"
            )
    faults.unless_one_of("split", job.split, ("Line", "RecordIO", "TFRecord", "None"))
    faults.unless_one_of("strategy", job.strategy, ("MultiRecord", "SingleRecord"))
    faults.unless_one_of("assemble", job.assemble, ("Line", "None"))
    faults.unless_between("max_payload_mb", job.max_payload_mb, 0, 100)
    faults.unless_between("max_concurrent", job.max_concurrent, 1, 100)
    product = job.max_payload_mb * job.max_concurrent
    if job.max_payload_mb <= _MAX_PRODUCT_MB < product:
        faults.add(
            f"max_payload_mb times max_concurrent is {product}, allowed is {_MAX_PRODUCT_MB}: "
            "lower one of them"
        )
    faults.unless_between("timeout_seconds", job.timeout_seconds, 60, 28 * 24 * 3600)
    if len(job.environment) > 16:
        faults.add(f"environment has {len(job.environment)} entries, allowed is 16: put them into "
                   "the model's environment")  # fmt: skip
    for name in ("input_filter", "output_filter"):
        text = getattr(job, name)
        if text is not None and (len(text) > 63 or not text.startswith("$")):
            faults.add(
                f"{name} is {text!r}, allowed is a JSONPath of up to 63 characters that starts "
                "with $: write one like '$[1:]'"
            )
    if job.manifests is not None:
        prefix, inputs = job.manifests[1], job.input[1]
        if known(prefix) and known(inputs) and prefix.startswith(inputs):
            faults.add(
                f"manifests prefix {prefix!r} is inside the input prefix {inputs!r}, whose every "
                "object is data: choose one outside, like 'batch/manifests/'"
            )
    if job.join:
        _check_join(job, faults)


def _check_join(job: TransformJob, faults: Faults) -> None:
    if job.accept is not None and job.accept != job.content_type:
        faults.add(
            f"join puts predictions beside records, so accept ({job.accept!r}) must be "
            f"content_type ({job.content_type!r}): leave accept out"
        )
    if job.split != job.assemble:
        faults.add(
            f"join needs records and predictions cut alike, split is {job.split!r} and assemble "
            f"{job.assemble!r}: set both to 'Line'"
        )


def check_fleet(fleet: TransformFleet, faults: Faults, *, region: str | None = None) -> None:
    chosen = [fleet.instance_type] if known(fleet.instance_type) else []
    if not chosen and not fleet.allowed_types:
        faults.add(
            "instance_type is a parameter and allowed_types is empty: list what the parameter may "
            "become, so that each is checked"
        )
    for instance_type in dict.fromkeys([*chosen, *fleet.allowed_types]):
        if fault := limits.instance_type_fault(instance_type, "transform"):
            faults.add(fault)
        elif region is not None and known(region):
            fault = limits.region_fault(instance_type, region, "transform")
            if fault and instance_type not in fleet.types_known_here:
                faults.add(fault)
    faults.unless_between("max_count", fleet.max_count, 1, 100)
    faults.unless_between("count", fleet.count, 1, min(fleet.max_count, 100))


def check_schedule(schedule: Schedule | None, faults: Faults) -> None:
    if schedule is None:
        return
    if fault := moment_fault("schedule at", schedule.at):
        faults.add(fault)
    if fault := timezone_fault("schedule timezone", schedule.timezone):
        faults.add(fault)
    try:
        given = json.loads(schedule.given)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        faults.add(
            f"schedule given is {schedule.given!r}, allowed is a JSON object: write '{{}}' for the "
            "job as it is"
        )


def check_model(model: Model, faults: Faults) -> None:
    if model.uses_data_source:
        faults.add(
            "the model's artifacts are a prefix, which batch transform does not support: pack "
            "them and use ModelData.from_bucket"
        )
    if model.is_multi_model:
        faults.add(
            "the model loads several models on demand, which batch transform does not support: "
            "make a model of one archive"
        )


def check_name(name: str, faults: Faults) -> None:
    if not known(name) or not _NAME.fullmatch(name):
        faults.add(
            f"name is {name!r}, allowed are 1 to 40 letters, digits and inner hyphens: it begins "
            "the name of every job; shorten or rename it"
        )
