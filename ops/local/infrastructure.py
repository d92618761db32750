"""The first half of `make local`: an AWS is up, the workflow and its images are in it."""

from __future__ import annotations

import os
from collections import defaultdict

from ops import aws, cdk, cloudformation, logs, registry
from ops.errors import OpsError
from ops.local import checks, server
from ops.local.context import Run

TOOLKIT = "CDKToolkit"


def check_machine(run: Run) -> None:
    """Everything `make local` needs is here."""
    with run.screen.step("check this checkout") as step:
        checks.check()
        step.what = "Node, CDK CLI, environments and packages are here"


def start_aws(run: Run) -> None:
    """The local AWS answers, a new one or the one that is running already."""
    with run.screen.step("start the local AWS") as step:
        found = server.running(run.where)
        if found is not None:
            _refuse_other_settings(found, run)
            step.what = f"{found.url} is running already (process {found.pid})"
        else:
            port = run.port or server.DEFAULT_PORT
            found = server.start(
                port,
                enforce=run.enforce,
                time_factor=run.time_factor,
                engine=run.engine,
                where=run.where,
                say=step.note,
            )
            step.what = f"{found.url}, account {found.account}, {found.region}" + (
                ", IAM enforced" if found.enforce else ""
            )
            step.what += f", containers under {found.engine}" if found.engine else ""
        aws.enter(found)
        run.ready = True


def _refuse_other_settings(found: server.Server, run: Run) -> None:
    if run.port and run.port != found.port:
        raise OpsError(
            f"the local AWS of this checkout runs on port {found.port}, not {run.port}",
            fix=f"make local-down && make local PORT={run.port}",
        )
    if run.enforce and not found.enforce:
        raise OpsError(
            "the local AWS is running without IAM enforcement",
            fix="make local-down && make local ENFORCE=1",
        )
    if run.engine and run.engine != found.engine:
        raise OpsError(
            f"the local AWS is running its containers {_under(found.engine)}",
            fix=f"make local-down && make local ENGINE={run.engine}",
        )


def _under(engine: str | None) -> str:
    return f"under {engine}" if engine else "as processes"


def bootstrap(run: Run) -> None:
    """The account has what the CDK needs."""
    with run.screen.step("cdk bootstrap") as step:
        now = cloudformation.status(TOOLKIT)
        if cloudformation.succeeded(now):
            step.what = "done before"
            return
        cloudformation.recover(TOOLKIT, step.note)
        account = os.environ["AWS_ACCESS_KEY_ID"]
        target = f"aws://{account}/{os.environ['AWS_REGION']}"
        cdk.run(["bootstrap", target, "--app", ""], what="cdk bootstrap")
        step.what = f"{TOOLKIT} in {target.removeprefix('aws://')}"


def deploy(run: Run) -> None:
    """Every stack is as the config says; what is deployed already is updated."""
    prefix = f"{run.deployment.prefix}-"
    with run.screen.step("cdk synth") as step:
        assembly = cdk.synth(run.deployment.env)
        stacks = [name for name, _ in cdk.templates(assembly)]
        step.what = f"{len(stacks)} stacks"
    with run.screen.step("cdk deploy --all") as step:
        cloudformation.recover(prefix, step.note)
        before = {name: cloudformation.status(name) for name in stacks}
        seen = {
            name: {e.id for e in cloudformation.events(name)}
            for name, now in before.items()
            if now != cloudformation.MISSING
        }
        resources: dict[str, int] = defaultdict(int)

        def show(event: cdk.ResourceEvent) -> None:
            if event.status.endswith("_COMPLETE"):
                resources[event.stack] += 1
            step.line(event.stack, str(event), event.state)

        try:
            cdk.deploy(assembly, on_event=show)
        except OpsError as fault:
            raise explain(fault, stacks, seen) from fault
        created = sum(1 for now in before.values() if now == cloudformation.MISSING)
        changed = [name for name in resources if before.get(name) != cloudformation.MISSING]
        step.what = f"{created} stacks created" if created else f"{len(changed)} stacks updated"
        rest = len(stacks) - created - len(changed)
        step.what += f", {rest} unchanged" if rest else ""


def explain(fault: OpsError, stacks: list[str], seen: dict[str, set[str]]) -> OpsError:
    """The CLI's failure, told by the events of the stack that failed where there is one."""
    for name in stacks:
        now = cloudformation.status(name)
        if now != cloudformation.MISSING and not cloudformation.succeeded(now):
            told = cloudformation.failure(name, seen=seen.get(name, set()))
            if told.log or "failed:" in told.message:
                told.fix = "correct it and run make local again: it deletes or repairs what failed"
                return told
    return fault


def push_images(run: Run) -> None:
    """The local ECR holds what the deployed stacks will start."""
    with run.screen.step("push images") as step:
        pushed = registry.push_local(
            run.deployment, say=lambda name, text: step.line(name, text, "done")
        )
        step.what = ", ".join(f"{image.container}:{image.tag}" for image in pushed)


def log_groups() -> list[str]:
    """The log groups of everything the workflow runs."""
    return logs.groups()
