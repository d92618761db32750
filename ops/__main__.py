"""`python -m ops`: what a person does with a deployed workflow. One module a command group."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import typer

from ops import aws, ui
from ops.commands import (
    activity,
    backfill,
    challenge,
    deploy,
    endpoints,
    images,
    local,
    models,
    replay,
    uploads,
)
from ops.errors import OpsError
from ops.local.up import InterruptedRunError

app = typer.Typer(
    name="ops",
    help="Deploy a workflow, feed it, promote its models, ask its endpoints.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
GROUPS = (local, deploy, uploads, models, challenge, endpoints, activity, images, replay, backfill)
for module in GROUPS:
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command has run; its exit code is 0, 1 with a reason, 2 for usage or 130 for Ctrl-C."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        app(list(arguments) if arguments is not None else None)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except (InterruptedRunError, KeyboardInterrupt) as stopped:
        ui.errors().print(f"\n{stopped or 'interrupted'}")
        return 130
    except OpsError as fault:
        ui.fail(fault)
    except ClientError as fault:
        name = aws.error_code(fault)
        ui.fail(
            OpsError(f"AWS refuses {fault.operation_name} ({name}): {aws.error_message(fault)}")
        )
    except BotoCoreError as fault:
        ui.fail(OpsError(f"AWS cannot be asked: {fault}", fix=_reach()))
    return 1


def _reach() -> str:
    if os.environ.get("AWS_ENDPOINT_URL"):
        return "is the local AWS running? make local-status"
    return "check your credentials and region: aws sts get-caller-identity"


def _terminate(_number: int, _frame: object) -> None:
    """A termination request ends a command as Ctrl-C does: in good order."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
