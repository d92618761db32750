"""Builds of ministack's CodeBuild that do what was asked, where it would only say so."""

import contextvars
import copy
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_aws.adapter.signals import put_event

log = logging.getLogger("local_aws")

Work = Callable[["Build"], None]
_work: list[Work] = []
_log_groups: dict[str, str] = {}  # ministack forgets a project's log group


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One build: what it was given and where its output goes."""

    id: str
    project: str
    role_arn: str
    variables: dict[str, str]
    log_group: str
    log_stream: str


def run_builds_by(work: Work) -> None:
    """Have each build done by `work`; it has failed when that raises, and stays until it ends."""
    _work[:] = [work]


def install() -> None:
    """Builds take their time, and EventBridge hears of their end."""
    from ministack.services import codebuild
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::CodeBuild::Project"]
    create, update = handlers["create"], handlers["update"]

    def create_it(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        made = create(logical_id, props, stack_name)
        _remember(made[0], props)
        return made

    def update_it(physical_id: str, old: Any, new: dict[str, Any], *rest: Any) -> Any:
        done = update(physical_id, old, new, *rest)
        _remember(physical_id, new)
        return done

    handlers.update(create=create_it, update=update_it)
    start = codebuild._start_build

    def start_build(data: dict[str, Any]) -> Any:
        answer = start(data)
        if answer[0] != 200 or not _work:
            return answer
        record = codebuild._builds.get(json.loads(answer[2])["build"]["id"])
        build = _prepare(record, codebuild._projects[data["projectName"]], data)
        context = contextvars.copy_context()  # the stores are the request's account's
        threading.Thread(
            target=context.run, args=(_run, build, record), name=f"build-{build.id}", daemon=True
        ).start()
        return codebuild.json_response({"build": copy.deepcopy(record)})

    codebuild._start_build = start_build


def _remember(project: str, props: dict[str, Any]) -> None:
    found = props.get("LogsConfig", {}).get("CloudWatchLogs", {}).get("GroupName")
    _log_groups[project] = found or f"/aws/codebuild/{project}"


def _prepare(record: dict[str, Any], project: dict[str, Any], data: dict[str, Any]) -> Build:
    """The record as CodeBuild has it of a build that runs, the variables of the call over the
    project's own."""
    environment = copy.deepcopy(project.get("environment", {}))
    given = {one["name"]: one for one in environment.get("environmentVariables", [])}
    given.update({one["name"]: one for one in data.get("environmentVariablesOverride", [])})
    environment["environmentVariables"] = list(given.values())
    group = _log_groups.get(project["name"], f"/aws/codebuild/{project['name']}")
    stream = record["id"].rpartition(":")[2]
    record.update(
        environment=environment,
        buildStatus="IN_PROGRESS",
        currentPhase="BUILD",
        buildComplete=False,
        serviceRole=project["serviceRole"],
        phases=[phase for phase in record["phases"] if phase["phaseType"] == "SUBMITTED"],
        logs={"groupName": group, "streamName": stream},
    )
    record.pop("endTime", None)
    return Build(
        id=record["id"],
        project=project["name"],
        role_arn=project["serviceRole"],
        variables={name: one["value"] for name, one in given.items()},
        log_group=group,
        log_stream=stream,
    )


def _run(build: Build, record: dict[str, Any]) -> None:
    status = "SUCCEEDED"
    try:
        _work[0](build)
    except Exception:
        log.warning("build %s failed", build.id, exc_info=True)
        status = "FAILED"
    if record["buildStatus"] != "IN_PROGRESS":  # it was stopped
        status = record["buildStatus"]
    record.update(
        buildStatus=status, currentPhase="COMPLETED", buildComplete=True, endTime=int(time.time())
    )
    put_event(
        "CodeBuild Build State Change",
        {
            "build-status": record["buildStatus"],
            "project-name": build.project,
            "build-id": record["arn"],
            "current-phase": "COMPLETED",
            "version": "1",
        },
        resources=[record["arn"]],
        source="aws.codebuild",
    )
