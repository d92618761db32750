"""`ops backfill`: a folder of uploads, once more through Ingest."""

from __future__ import annotations

from typing import Annotated

import typer

from ops import aws, settings
from ops import backfill as backfilling
from ops.errors import OpsError
from ops.ui import Screen


def register(app: typer.Typer) -> None:
    """The command is part of the command line."""
    app.command("backfill")(backfill)


def backfill(
    prefix: Annotated[str, typer.Argument(help="Prefix of keys in the raw bucket: flights/2013/")],
    train: Annotated[bool, typer.Option("--train", help="Train on the newest of them.")] = False,
) -> None:
    """Give Ingest every upload under a prefix again; none starts a training but with --train."""
    dataset = settings.dataset_name(settings.environment_name())
    backfilling.check(dataset, prefix)
    aws.use_local_if_meant()
    screen = Screen()
    with screen.step(f"backfill {prefix}") as step:
        done = backfilling.backfill(
            settings.current(),
            dataset,
            prefix,
            say=step.note,
            progress=lambda counts: step.line("objects", str(counts)),
        )
        step.what = str(done.counts)
        for key, why in done.bad.items():
            step.note(f"{key}: {why}")
        if done.results:
            step.note(f"results: {done.results}")
        if train and not done.ended_early:
            newest = backfilling.train_on_newest(settings.current(), prefix, but=done.bad)
            step.note(
                f"PreprocessAndTrain is running for {newest}" if newest else "none to train on"
            )
        if done.bad or done.ended_early:
            raise _refusal(done)


def _refusal(done: backfilling.Backfilled) -> OpsError:
    counts = done.counts
    message = f"{counts.failed} of {counts.total} objects were refused; {counts.done} are done"
    left = counts.total - counts.done - counts.failed
    if done.ended_early:
        message += f", {left} were left alone: {done.ended_early}"
    return OpsError(
        message,
        fix="correct and upload them again; a backfill that is started again skips what is done",
    )
