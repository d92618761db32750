"""What an execution may ask for, its defaults, and what is said when it asks for something else.

Everything here is JSONata, evaluated when an execution starts. Ternaries and not `and`: they look
at a value only when it is of the type they compare.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sagemaker_workflow.batch_transform.spec import TransformFleet, TransformJob
from sagemaker_workflow.faults import known

# A manifest that arrived says where it lies; everything else is the job's own.
_EVENT = "$states.input.detail.object.key"
MAX_PRODUCT_MB = 100


def defaults(job: TransformJob, fleet: TransformFleet, run: str) -> dict[str, str]:
    """JSONata of each field's default; `${...}` are substitutions, known at deployment only."""
    return {
        "input": '"${Input}"',
        "output": f'"${{Output}}" & "/" & {run}',
        "content_type": json.dumps(job.content_type),
        "accept": json.dumps(job.accept),
        "split": json.dumps(job.split),
        "strategy": json.dumps(job.strategy),
        "assemble": json.dumps(job.assemble),
        "join": json.dumps(job.join),
        "input_filter": json.dumps(job.input_filter),
        "output_filter": json.dumps(job.output_filter),
        "instance_type": '"${InstanceType}"',
        "instance_count": '$number("${InstanceCount}")',
        "max_payload_mb": json.dumps(job.max_payload_mb),
        "max_concurrent": json.dumps(job.max_concurrent),
    }


def settled(job: TransformJob, fleet: TransformFleet, name: str) -> dict[str, str]:
    """The request with every field, the run's id, and how often it was tried."""
    # Unique for good: the execution's ARN is, and it is too long for a job's name.
    run = f'"{name}-" & $substring($hash($states.context.Execution.Id, "SHA-256"), 0, 12)'
    given = {
        field: _jsonata(f"$exists($states.input.{field}) ? $states.input.{field} : {default}")
        for field, default in defaults(job, fleet, run).items()
    }
    manifest = (
        f'$exists({_EVENT}) ? "s3://" & $states.input.detail.bucket.name & "/" & {_EVENT} : '
        f'$exists($states.input.input) ? $states.input.input : "${{Input}}"'
    )
    known = json.dumps([*given, "comment"])
    return {
        **given,
        "input": _jsonata(manifest),
        "data_type": _jsonata(f'$exists({_EVENT}) ? "ManifestFile" : "S3Prefix"'),
        "id": _jsonata(run),
        "tried": _jsonata("0"),
        "started": _jsonata("$millis()"),
        "unknown": _jsonata(f"$exists({_EVENT}) ? [] : [$keys($states.input)[$not($ in {known})]]"),
    }


def faults(fleet: TransformFleet) -> str:
    """JSONata of the list of what is wrong with a settled request."""
    own = [fleet.instance_type] if known(fleet.instance_type) else []
    types = list(dict.fromkeys([*own, *fleet.allowed_types]))
    checks = [
        _unless(
            f"$count({_in('unknown')}) = 0",
            f'"unknown field " & $join({_in("unknown")}, ", ")',
            "those of docs/endpoints/batch.md: correct or remove it",
        ),
        *(
            _unless(
                f"$type({_in(name)}) = 'string' ? ($substring({_in(name)}, 0, 5) = 's3://'"
                f" ? $contains($substringAfter({_in(name)}, 's3://'), '/') : false) : false",
                _is(name),
                "an S3 location: write one like s3://bucket/prefix/",
            )
            for name in ("input", "output")
        ),
        _unless(
            f"$type({_in('content_type')}) = 'string' ? $length({_in('content_type')}) > 0 : false",
            _is("content_type"),
            "a content type: write one like text/csv",
        ),
        _one_of("split", ["Line", "RecordIO", "TFRecord", "None"]),
        _one_of("strategy", ["MultiRecord", "SingleRecord"]),
        _one_of("assemble", ["Line", "None"]),
        _unless(f"$type({_in('join')}) = 'boolean'", _is("join"), "true or false"),
        *(_filter(name) for name in ("input_filter", "output_filter")),
        _one_of("instance_type", types),
        _whole("instance_count", 1, fleet.max_count),
        _whole("max_payload_mb", 0, 100),
        _whole("max_concurrent", 1, 100),
        _unless(
            f"$type({_in('max_payload_mb')}) = 'number' ? ($type({_in('max_concurrent')}) ="
            f" 'number' ? {_in('max_payload_mb')} * {_in('max_concurrent')} <= {MAX_PRODUCT_MB}"
            " : true) : true",
            f'"max_payload_mb times max_concurrent is " & $string({_in("max_payload_mb")} * '
            f"{_in('max_concurrent')})",
            f"at most {MAX_PRODUCT_MB}: lower one of them",
        ),
        _unless(
            f"{_in('join')} = true ? {_in('split')} = {_in('assemble')} : true",
            '"join with split " & $string('
            + _in("split")
            + ') & " and assemble " & $string('
            + _in("assemble")
            + ")",
            "the same for both: set both to Line",
        ),
        _unless(
            f"{_in('join')} = true ? ($type({_in('accept')}) = 'null' ? true :"
            f" {_in('accept')} = {_in('content_type')}) : true",
            f'"join with accept " & $string({_in("accept")})',
            "the content_type: leave accept out",
        ),
    ]
    return _jsonata(f"[{', '.join(checks)}]")


def _jsonata(expression: str) -> str:
    return "{% " + expression + " %}"


def _in(field: str) -> str:
    return f"$states.input.{field}"


def _is(field: str) -> str:
    return f'"{field} is " & $string({_in(field)})'


def _unless(good: str, wrong: str, allowed: str) -> str:
    """Nothing when `good` holds; JSONata leaves a ternary without an else out of a list."""
    return f"(({good}) ? $nothing : {wrong} & {json.dumps(', allowed is ' + allowed)})"


def _one_of(field: str, allowed: Sequence[str]) -> str:
    return _unless(
        f"{_in(field)} in {json.dumps(list(allowed))}",
        _is(field),
        f"one of {', '.join(allowed)}",
    )


def _whole(field: str, low: int, high: int) -> str:
    value = _in(field)
    return _unless(
        f"$type({value}) = 'number' ? ($floor({value}) = {value} ? ({value} >= {low} ?"
        f" {value} <= {high} : false) : false) : false",
        _is(field),
        f"a whole number from {low} to {high}",
    )


def _filter(field: str) -> str:
    value = _in(field)
    return _unless(
        f"$type({value}) = 'null' ? true : ($type({value}) = 'string' ?"
        f" ($substring({value}, 0, 1) = '$' ? $length({value}) <= 63 : false) : false)",
        _is(field),
        "a JSONPath of up to 63 characters that starts with $: write one like $[1:]",
    )
