"""What training, processing and transform jobs share: they start, change state, stop, end."""

import copy
import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from local_aws.sagemaker import events, store, tags
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.errors import in_use, invalid
from local_aws.sagemaker.store import Job, Table
from local_aws.sagemaker.threads import spawn
from local_aws.validation import service_model

log = logging.getLogger("local_aws")

FINAL = ("Completed", "Failed", "Stopped")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One of the three nouns. `word` begins the names of its members: Training, Transform..."""

    word: str
    table: Table[Job]
    missing: str  # the service's sentence for a job that is not there
    taken: str  # and for a name that is

    def member(self, name: str) -> str:
        return f"{self.word}Job{name}"

    @property
    def arn_kind(self) -> str:
        return f"{self.word.lower()}-job"


def start(
    kind: Kind,
    params: Mapping[str, Any],
    defaults: Mapping[str, Any],
    run: Callable[[Job], Any],
) -> dict[str, Any]:
    """The job is InProgress and runs in a thread; its name can never be used again.

    `run` blocks and returns the runtime's outcome.
    """
    name = params[kind.member("Name")]
    job_arn = arn(kind.arn_kind, name)
    moment = store.now()
    record = {**copy.deepcopy(dict(defaults)), **copy.deepcopy(dict(params))}
    record.pop("Tags", None)
    record |= {
        kind.member("Arn"): job_arn,
        kind.member("Status"): "InProgress",
        "CreationTime": moment,
        "LastModifiedTime": moment,
    }
    job = Job(record=record)
    with store.lock:  # whoever sees the job sees its tags
        require_free(kind, name)
        tags.attach(job_arn, params.get("Tags"))
        kind.table.add(name, job)
        _announce(kind, job)
    job.outbox.send()
    spawn(f"{kind.arn_kind}-{name}", lambda: _run(kind, job, run))
    return {kind.member("Arn"): job_arn}


def require_free(kind: Kind, name: str) -> None:
    """Refuse a name that a job of this kind has or had."""
    if kind.table.get(name) is not None:
        raise in_use(kind.taken.format(arn=arn(kind.arn_kind, name)))


def require(kind: Kind, name: str) -> Job:
    job = kind.table.get(name)
    if job is None:
        raise invalid(kind.missing.format(name=name))
    return job


def describe(kind: Kind, name: str) -> dict[str, Any]:
    """The Describe response: what of the record belongs to its shape."""
    shape = service_model("sagemaker").operation_model(f"Describe{kind.word}Job").output_shape
    members = shape.members if shape else {}
    with store.lock:
        record = copy.deepcopy(require(kind, name).record)
    return {k: v for k, v in record.items() if k in members}


def records(kind: Kind) -> list[dict[str, Any]]:
    with store.lock:
        return [copy.deepcopy(job.record) for job in kind.table]


def stop(kind: Kind, name: str) -> dict[str, Any]:
    """The job is Stopping, and Stopped once its container ended."""
    job = require(kind, name)
    status = kind.member("Status")
    with changing(kind, job) as record:
        if record[status] in FINAL:
            raise invalid(
                f"The request was rejected because the {kind.word.lower()} job is in status "
                f"{record[status]}."
            )
        record[status] = "Stopping"
    job.stop.set()
    return {}


@contextmanager
def changing(kind: Kind, job: Job) -> Iterator[dict[str, Any]]:
    """The record, to change; afterwards waiters know and an event says so."""
    with store.changed:
        yield job.record
        job.record["LastModifiedTime"] = store.now()
        _announce(kind, job)
        store.changed.notify_all()
    job.outbox.send()


def _announce(kind: Kind, job: Job) -> None:
    job.outbox.add(partial(events.job, kind.word, copy.deepcopy(job.record)))


def _run(kind: Kind, job: Job, run: Callable[[Job], Any]) -> None:
    start_time, end_time = f"{kind.word}StartTime", f"{kind.word}EndTime"
    with store.lock:
        job.record[start_time] = store.now()
    try:
        final = run(job)
    except Exception as fault:
        log.exception("%s job failed inside", kind.word)
        final = {
            kind.member("Status"): "Failed",
            "FailureReason": f"InternalServerError: {type(fault).__name__}: {fault}",
        }
        if kind.word == "Training":
            final["SecondaryStatus"] = "Failed"
    with changing(kind, job) as record:
        record |= {k: v for k, v in final.items() if v is not None}
        record[end_time] = store.now()
