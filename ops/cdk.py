"""The CDK CLI as a child process: one synth, every parameter explicit, its events read live."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.local.checks import node_path
from ops.local.paths import paths
from ops.settings import ROOT

# Owned by promotion: a deploy never passes it, so the stack keeps the model it serves. The
# challenger's is kept in the same way, until somebody passes another one.
# A component's is called `<Component>ModelPackageArn`.
PROMOTED = "ModelPackageArn"
CHALLENGER = f"Challenger{PROMOTED}"
# Parameters no config has: what is asked of one deployment.
FOR_ONCE = (
    "ApplyConfiguredCounts",
    "ApplyConfiguredWeights",
    "ChangeVariants",
    "RollbackOnAlarm",
)
EVENT = re.compile(
    r"^(?P<stack>[A-Za-z][\w-]*)\s+\|\s+(?P<done>\d+)?(?:/(?P<total>\d+))?\s*\|[^|]*\|\s+"
    r"(?P<status>[A-Z][A-Z_]+)\s+\|\s+(?P<type>[\w:-]+)\s+\|\s+(?P<path>\S+)(?:\s+\((?P<id>\w+)\))?"
    r"\s*(?P<reason>.*)$"
)
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
KEPT_LINES = 400
FAULT = re.compile(r"\b(?:Error|error|refused|Exception)\b|Parameter '")
CHANGE_SET = re.compile(r"(?P<stack>[\w-]+): creating CloudFormation changeset")


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceEvent:
    """One line of the CLI's progress."""

    stack: str
    progress: str
    status: str
    type: str
    path: str
    reason: str

    @property
    def state(self) -> str:
        """How the stack stands after it: running, done or failed."""
        if "FAILED" in self.status or "ROLLBACK" in self.status:
            return "failed"
        whole = self.type == "AWS::CloudFormation::Stack"
        return "done" if whole and self.status.endswith("_COMPLETE") else "running"

    def __str__(self) -> str:
        """The event in one line under its stack's name."""
        said = self.status.lower().replace("_", " ")
        # The CLI counts the events of a clean-up too, above its own total.
        return said if self.state == "done" else f"{self.progress:>6}  {said}  {self.path}"


def kept(key: str) -> bool:
    """Whether a deploy leaves this parameter's value as it is."""
    return key.endswith(PROMOTED)


def promoted(key: str) -> bool:
    """Whether only an approval sets this parameter."""
    return kept(key) and key != CHALLENGER


def parse(line: str) -> ResourceEvent | None:
    """The event in a line of the CLI's output, None for any other line."""
    match = EVENT.match(ANSI.sub("", line).strip())
    if match is None:
        return None
    done, total = match["done"], match["total"]
    return ResourceEvent(
        stack=match["stack"],
        progress=f"{done}/{total}" if total else (done or ""),
        status=match["status"],
        type=match["type"],
        path=match["path"],
        reason=match["reason"].strip(),
    )


def environment() -> dict[str, str]:
    """What the CLI and the app it runs find in their environment."""
    env = dict(os.environ)
    env.update(
        PATH=node_path(),
        CDK_HOME=str(paths().cdk_home),
        CDK_DISABLE_CLI_TELEMETRY="true",
        CDK_VALIDATION=os.environ.get("CDK_VALIDATION", "false"),
        JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION="1",
        FORCE_COLOR="0",
        NO_COLOR="1",
    )
    if os.environ.get("AWS_ENDPOINT_URL"):
        # The CLI of today asks STS for the account; without this an EC2 host would be asked first.
        env.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    return env


def run(
    arguments: Sequence[str],
    *,
    what: str,
    on_line: Callable[[str], None] = lambda line: None,
    accept: Sequence[int] = (0,),
) -> tuple[int, list[str]]:
    """The CLI has run; returns its exit code and last lines, or raises the reason it gave."""
    command = [str(ROOT / "node_modules/.bin/cdk"), *arguments]
    command += ["--ci", "--no-notices", "--no-color"]
    try:
        process = subprocess.Popen(  # noqa: S603 our pinned CLI
            command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us; we end the CLI in good order
        )
    except FileNotFoundError as fault:
        raise OpsError(
            "the CDK CLI is missing (node_modules/.bin/cdk)", fix="make install"
        ) from fault
    lines: list[str] = []
    try:
        assert process.stdout is not None  # noqa: S101 given PIPE above
        for line in process.stdout:
            clean = ANSI.sub("", line.rstrip())
            lines = [*lines[-KEPT_LINES:], clean]
            on_line(clean)
        code = process.wait()
    except BaseException:
        _end(process)
        raise
    if code not in accept:
        raise OpsError(f"{what} failed: {reason(lines)}", log=lines[-25:], log_name="cdk")
    return code, lines


def reason(lines: Sequence[str]) -> str:
    """The sentence in the CLI's output that says why it stopped, with the stack it speaks of."""
    verdict = next((line for line in lines if "❌" in line), None)
    if verdict is not None:
        return verdict.replace("❌", "").strip()
    said = [line.strip() for line in lines if line.strip()]
    if not said:
        return "it said nothing"
    told = next((t for t in reversed(said) if FAULT.search(t)), said[-1])
    begun = [m["stack"] for t in said[: said.index(told)] if (m := CHANGE_SET.match(t))]
    return told if not begun or begun[-1] in told else f"{begun[-1]}: {told}"


def synth(env: str, *, extra: Sequence[str] = ()) -> Path:
    """The app of an environment is synthesised into a folder of its own."""
    assembly = paths().assembly
    arguments = ["synth", "--quiet", "-c", f"env={env}", "--output", str(assembly), *extra]
    lines: list[str] = []
    try:
        run(arguments, what=f"cdk synth for {env}", on_line=lines.append)
    except OpsError as fault:
        if told := words_of_app(lines):
            raise OpsError(told, fix="correct that and run it again") from fault
        raise
    return assembly


def words_of_app(lines: Sequence[str]) -> str:
    """What the app said before it gave up on its settings; empty if it broke instead."""
    end = next((n for n, line in enumerate(lines) if "Subprocess exited with" in line), None)
    if end is None or any(line.startswith("Traceback ") for line in lines):
        return ""
    # Node's own notices come through jsii as Python's bytes.
    return "\n".join(line for line in lines[:end] if line and not line.startswith(("b'", 'b"')))


def templates(assembly: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each stack of an assembly: its name and its template."""
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    for artifact in manifest["artifacts"].values():
        if artifact.get("type") != "aws:cloudformation:stack":
            continue
        properties = artifact["properties"]
        file = assembly / properties["templateFile"]
        name = str(properties.get("stackName") or artifact.get("displayName"))
        yield name, json.loads(file.read_text(encoding="utf-8"))


def explicit_parameters(assembly: Path) -> list[str]:
    """`Stack:Key=value` for each parameter, at its config value; never the model package.

    The config file is the truth: a parameter's default *is* its config value, so passing it
    undoes an override that nobody wrote into the config. SSM lookups resolve themselves.
    """
    found: list[str] = []
    for stack, template in templates(assembly):
        for key, declared in template.get("Parameters", {}).items():
            if kept(key) or str(declared["Type"]).startswith("AWS::SSM::"):
                continue
            if key == "BootstrapVersion" or "Default" not in declared:
                continue
            found.append(f"{stack}:{key}={declared['Default']}")
    return found


def deploy(
    assembly: Path,
    *,
    on_event: Callable[[ResourceEvent], None],
    stacks: Sequence[str] = (),
    overrides: Sequence[str] = (),
    concurrency: int = 2,
) -> list[str]:
    """The assembly's stacks, all or the named ones, are deployed; returns the CLI's lines."""
    overridden = {o.split("=", 1)[0] for o in overrides}
    given = [p for p in explicit_parameters(assembly) if p.split("=", 1)[0] not in overridden]
    arguments = ["deploy", "--app", str(assembly), "--require-approval", "never"]
    arguments += ["--progress", "events", "--concurrency", str(concurrency)]
    for parameter in [*given, *overrides]:
        arguments += ["--parameters", parameter]
    arguments += list(stacks) or ["--all"]

    def read(line: str) -> None:
        if event := parse(line):
            on_event(event)

    return run(arguments, what="cdk deploy", on_line=read)[1]


def _end(process: subprocess.Popen[str]) -> None:
    """The CLI and everything it started have ended; a stack it began goes on in CloudFormation."""
    for number, patience in ((signal.SIGINT, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
