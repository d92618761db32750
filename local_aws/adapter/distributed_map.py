"""Distributed Map states: what ministack's lack of them.

Step Functions Developer Guide, "Using Map state in Distributed mode" and the pages on its fields:
their values may be JSONata, the machine's role lists, reads, writes and starts children, each child
sees a context of its own, results are written to S3, and a run whose failures are no longer
tolerated starts nothing more.
"""

import contextvars
import json
import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from local_aws.adapter import map_data, process
from local_aws.adapter.permissions import role_denial

log = logging.getLogger("local_aws")

RoleOf = Callable[[dict[str, Any]], str]
_MOST_AT_ONCE = 64  # threads; Step Functions runs up to 10,000
_ENDINGS = {"SUCCEEDED": "succeeded", "FAILED": "failed", "ABORTED": "aborted"}
_COUNTS = (
    *("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total"),
    *("resultsWritten", "failuresNotRedrivable", "pendingRedrive"),
)


def install(role_of: RoleOf) -> None:
    """Distributed Map states of every machine run here; `role_of` tells an execution's role."""
    from ministack.services import stepfunctions

    def run_distributed_map(
        state: Any, raw_input: Any, effective: Any, processor: Any, execution: Any, ctx: Any
    ) -> Any:
        values = map_data.Values(state, raw_input, effective, ctx)
        return _MapRun(values, processor, execution, role_of(execution)).to_the_end()

    stepfunctions._run_distributed_map = run_distributed_map


class _MapRun:
    """One run of the state: a child execution for each item."""

    def __init__(
        self, values: map_data.Values, processor: Any, execution: Any, role_arn: str
    ) -> None:
        from ministack.services import stepfunctions

        if "ItemBatcher" in values.state:
            raise stepfunctions._ExecutionError(
                "States.Runtime", "the local AWS does not run a Map state with an ItemBatcher"
            )
        self._values, self._processor = values, processor
        self._execution, self._role_arn = execution, role_arn
        self._label = values.state.get("Label") or str(uuid.uuid4())
        self._lock, self._over = threading.Lock(), threading.Event()
        self._run: dict[str, Any] = {
            "mapRunArn": self._arn("mapRun", f":{uuid.uuid4()}"),
            "executionArn": execution["executionArn"],
            "status": "RUNNING",
            "startDate": stepfunctions.now_iso(),
            "stopDate": None,  # every key from the start: it is looked through while it changes
            "maxConcurrency": int(values.number("MaxConcurrency") or 0),
            "toleratedFailurePercentage": values.number("ToleratedFailurePercentage") or 0.0,
            "toleratedFailureCount": int(values.number("ToleratedFailureCount") or 0),
            "redriveCount": 0,
            "_stateMachineArn": self._arn("stateMachine"),
        }
        self._children: dict[int, dict[str, Any]] = {}

    def to_the_end(self) -> Any:
        """Return the state's output and its next state; raise when too much failed."""
        from ministack.services import stepfunctions

        items = self._items()
        for kind in ("itemCounts", "executionCounts"):
            self._run[kind] = dict.fromkeys(_COUNTS, 0) | {"total": len(items)}
            self._run[kind]["pending"] = len(items)
        stepfunctions._map_runs[self._run["mapRunArn"]] = self._run
        if items:
            self._may_start()
            workers = self._run["maxConcurrency"] or _MOST_AT_ONCE
            with ThreadPoolExecutor(max_workers=min(workers, len(items))) as pool:
                begun = [
                    pool.submit(contextvars.copy_context().run, self._child, index, item)
                    for index, item in enumerate(items)
                ]
            for one in begun:
                one.result()
        outcome = "FAILED" if self._intolerable() else "SUCCEEDED"
        if self._execution["status"] != "RUNNING":
            outcome = "ABORTED"
        self._run |= {"status": outcome, "stopDate": stepfunctions.now_iso()}
        exported = self._exported()
        if outcome != "SUCCEEDED":
            raise stepfunctions._ExecutionError(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )
        results = [json.loads(child["output"] or "null") for child in self._in_order()]
        return self._values.ended(exported or results)

    def _arn(self, kind: str, rest: str = "") -> str:
        *place, _, name = self._execution["stateMachineArn"].split(":")
        return ":".join([*place, kind, f"{name}/{self._label}{rest}"])

    def _in_order(self) -> list[dict[str, Any]]:
        return [self._children[index] for index in sorted(self._children)]

    def _items(self) -> list[Any]:
        items = map_data.read(self._values, self._role_arn)
        return items if isinstance(items, list) else [items]

    def _may_start(self) -> None:
        """The machine's role starts the children: executions of the machine itself."""
        from ministack.services import stepfunctions

        machine = self._execution["stateMachineArn"]
        if process.settings().enforce:
            denial = role_denial(self._role_arn, "states:StartExecution", machine)
            if denial:
                raise stepfunctions._ExecutionError("States.Runtime", denial.message)

    def _child(self, index: int, item: Any) -> None:
        from ministack.services import stepfunctions

        if self._over.is_set() or self._execution["status"] != "RUNNING":
            with self._lock:
                self._move("pending", "aborted")
            return
        given, name = self._values.item(index, item), str(uuid.uuid4())
        child: dict[str, Any] = {
            "executionArn": self._arn("execution", f":{name}"),
            "stateMachineArn": self._run["_stateMachineArn"],
            "name": name,
            "status": "RUNNING",
            "startDate": stepfunctions.now_iso(),
            "stopDate": None,
            "input": json.dumps(given),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "mapRunArn": self._run["mapRunArn"],
            "events": [],
            "testCase": self._execution.get("testCase"),
            "mockAttempts": {},
        }
        stepfunctions._executions[child["executionArn"]] = child
        with self._lock:
            self._children[index] = child
            self._move("pending", "running")
        try:
            output = stepfunctions._run_sub_machine(
                self._processor.get("States", {}),
                self._processor.get("StartAt"),
                given,
                child,
                self._values.child_context(child, index, item),
            )
            child |= {"output": json.dumps(output), "status": "SUCCEEDED"}
        except stepfunctions._ExecutionError as failed:
            child |= {"error": failed.error, "cause": failed.cause, "status": "FAILED"}
        except Exception as failed:
            log.exception("%s failed", child["executionArn"])
            child |= {"error": "States.Runtime", "cause": str(failed), "status": "FAILED"}
        if self._execution["status"] != "RUNNING":
            child["status"] = "ABORTED"
        child["stopDate"] = stepfunctions.now_iso()
        with self._lock:
            self._move("running", _ENDINGS[child["status"]])
            if self._intolerable():
                self._over.set()

    def _move(self, before: str, now: str) -> None:
        for counts in (self._run["itemCounts"], self._run["executionCounts"]):
            counts[before] -= 1
            counts[now] += 1

    def _intolerable(self) -> bool:
        """Whether more failed than the state tolerates: nothing, where it says nothing."""
        counts, state = self._run["itemCounts"], self._values.state
        failed, exceeded = counts["failed"], []
        if any(field.startswith("ToleratedFailureCount") for field in state):
            exceeded.append(failed > self._run["toleratedFailureCount"])
        if any(field.startswith("ToleratedFailurePercentage") for field in state):
            share = self._run["toleratedFailurePercentage"] * counts["total"]
            exceeded.append(failed * 100 > share)
        return any(exceeded) if exceeded else failed > 0

    def _exported(self) -> dict[str, Any] | None:
        from ministack.services import stepfunctions

        try:
            return map_data.write(
                self._values, self._role_arn, self._run["mapRunArn"], self._in_order()
            )
        except ClientError as refused:
            raise stepfunctions._ExecutionError("States.ResultWriterFailed", str(refused)) from None
