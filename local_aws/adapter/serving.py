"""ministack's application, with our changes, behind one loopback port."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from local_aws.adapter import (
    alarms,
    cloudformation,
    codebuild,
    deliveries,
    door,
    encryption,
    functions,
    process,
    services,
    stack_waits,
    stepfunctions,
)


def prepare(settings: process.Settings) -> None:
    """ministack loaded and changed to our needs, ready for services to register.

    It reads the environment when imported, so this must come before anything that imports it.
    """
    process.configure(settings)
    _forget_the_developers_environment()
    folder = process.state_dir().resolve()
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        GATEWAY_PORT=str(settings.port),
        BIND_HOST="127.0.0.1",
        IOT_MTLS_ENABLED="0",  # these two would listen on ports of their own, on every address
        SFTP_ENABLED="0",
        AUTH="true" if settings.enforce else "false",
        MINISTACK_ACCOUNT_ID=settings.account,
        MINISTACK_REGION=settings.region,
        PERSIST_STATE="0",
        # Waits and retries of state machines are waits like all others.
        SFN_WAIT_SCALE=str(1 / settings.time_factor),
        STATE_DIR=str(folder / "ministack"),
        S3_DATA_DIR=str(folder / "s3"),
        TMPDIR=str(temporary),
    )
    stepfunctions.install()
    cloudformation.install()
    stack_waits.install()
    services.install()
    door.install()
    deliveries.install()
    encryption.install()
    functions.install()
    alarms.install()
    codebuild.install()


async def serve(stop: asyncio.Event, *, ready: Callable[[], Awaitable[None]]) -> None:
    """Answer on the loopback port until `stop` is set; `ready` is awaited beside it once."""
    from hypercorn.asyncio import serve as hypercorn
    from hypercorn.config import Config
    from ministack import app

    config = Config()
    config.bind = [f"127.0.0.1:{process.settings().port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = (
        1  # clients of a server that was told to stop are not worth waiting for
    )
    config.accesslog = None
    config.loglevel = "WARNING"
    beside = [
        asyncio.create_task(_announced(ready)),
        asyncio.create_task(alarms.keep_judging()),
    ]
    try:
        await hypercorn(app.app, config, shutdown_trigger=stop.wait)
    finally:
        for task in beside:
            task.cancel()


async def _announced(ready: Callable[[], Awaitable[None]]) -> None:
    while not await _accepts():
        await asyncio.sleep(0.05)
    await ready()


async def _accepts() -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", process.settings().port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def _forget_the_developers_environment() -> None:
    """Functions inherit this process's environment: no profile, address or module path of others.

    A stray AWS_PROFILE fails every boto3 client, a stray AWS_ENDPOINT_URL sends it elsewhere, and a
    PYTHONPATH hides that a function's package lacks something.
    """
    for name in list(os.environ):
        if name.startswith(("AWS_", "MINISTACK_", "LOCALSTACK_")) or name == "PYTHONPATH":
            del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1,localhost",
        no_proxy="127.0.0.1,localhost",
        LAMBDA_EXECUTOR="local",
        # The CDK's own custom resources are JavaScript: node comes from the project's environment.
        PATH=os.pathsep.join([str(Path(".venv/bin").resolve()), os.environ.get("PATH", "")]),
    )
