"""What a test run started ends with it, also when it is killed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

LABEL = "sagemaker-workflow.image-tests"
SECONDS = 60
# `cat` ends when the process that holds the other end of its input is gone, however it went.
_THEN = 'cat; exec "$@"'
_REMOVE = (
    'found=$("$1" ps --all --quiet --filter "label=$2") || exit 1;'
    ' [ -z "$found" ] || "$1" rm --force $found'
)


@contextmanager
def at_end(*command: str) -> Iterator[None]:
    """The command is run after the block, or when this process has ended inside of it."""
    # A session of its own: Ctrl-C is for the tests, not for who cleans up after them.
    with subprocess.Popen(
        ["/bin/sh", "-c", _THEN, "then", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as watcher:
        try:
            yield
        finally:
            watcher.communicate(timeout=SECONDS)


def no_containers(engine: str, label: str) -> AbstractContextManager[None]:
    """No container with this label is there after the block, or after the end of this process."""
    return at_end("/bin/sh", "-c", _REMOVE, "remove", engine, label)


def no_server(process: subprocess.Popen[bytes]) -> AbstractContextManager[None]:
    """A local AWS gets SIGTERM, and so ends its containers."""
    return at_end("kill", str(process.pid))
