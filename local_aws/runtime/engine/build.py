"""From a container's folder to an image in the engine's own store, once for each content."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.engine import choice
from local_aws.runtime.engine.choice import Engine
from local_aws.runtime.processes import Process

REPOSITORY = "localhost/sagemaker-workflow"
_CONTEXT = Path(__file__).parents[3] / "constructs" / "sagemaker_workflow" / "build_context.py"
_POLL_SECONDS = 0.2
_LONGEST_TAIL = 700  # of the 1024 characters of a FailureReason

_building: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_building_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image of the engine's store; `folder` is what it is built from when it is not there."""

    engine: Engine
    uri: str  # as the request names it
    tag: str
    folder: Path
    context_hash: str
    base: str | None


def image(engine: Engine, uri: str, folder: Path, context_hash: str) -> Image:
    """Return the image that stands for `uri`, whose content was `context_hash` when pushed."""
    if not (folder / "Dockerfile").is_file():
        raise RuntimeFailure(f"containers/{folder.name} has no Dockerfile to build {uri} from")
    if not context_hash:
        raise RuntimeFailure(
            f"image {uri} does not say which content it has (no context hash in its manifest): put"
            " it into the local repository with `make local`"
        )
    base = choice.base()
    # Another base is another image of the same content.
    suffix = f"-{hashlib.sha256(base.encode()).hexdigest()[:8]}" if base else ""
    return Image(
        engine=engine,
        uri=uri,
        tag=f"{REPOSITORY}/{folder.name}:{context_hash}{suffix}",
        folder=folder,
        context_hash=context_hash,
        base=base,
    )


def ready(image: Image, *, say: Callable[[str], None], stop: threading.Event) -> None:
    """Return once the image is in the engine's store; `say` gets the lines of a build.

    RuntimeFailure when it cannot be built, or `stop` is set first. Several containers that want
    one image wait for one build.
    """
    with _building_lock:
        lock = _building[image.tag]
    while not lock.acquire(timeout=_POLL_SECONDS):
        _refuse_if_stopped(image, stop)
    try:
        if not _there(image):
            _build(image, say, stop)
    finally:
        lock.release()


def arguments(image: Image) -> list[str]:
    """Return the command line that builds the image."""
    engine = image.engine
    words = [engine.program, "build", "--tag", image.tag]
    if engine.podman:
        words += ["--format", "docker"]  # OCI's own format has no HEALTHCHECK and would warn
        if engine.root:
            words += ["--isolation", "chroot"]  # as root inside a container runc cannot build
    # A package index or a proxy on this machine's loopback is in reach, as for `make install`.
    words += ["--network", "host"]
    words += ["--build-arg", f"REVISION={image.context_hash}"]
    if image.base:
        words += ["--build-arg", f"BASE={image.base}"]
    root = _build_context().context_root(image.folder)
    elsewhere = [] if root == image.folder else ["--file", str(image.folder / "Dockerfile")]
    return [*words, *elsewhere, str(root)]


def _there(image: Image) -> bool:
    found = subprocess.run(  # noqa: S603  the engine's path
        [image.engine.program, "image", "inspect", image.tag],
        env=choice.environment(),
        capture_output=True,
        check=False,
    )
    return found.returncode == 0


def _build(image: Image, say: Callable[[str], None], stop: threading.Event) -> None:
    now = content_hash(image.folder)
    if now != image.context_hash:
        raise RuntimeFailure(
            f"image {image.uri} was pushed with content {image.context_hash}, which was never built"
            f" here, and containers/{image.folder.name} is {now} by now: run `make local` again"
        )
    process = Process(arguments(image), env=choice.environment(), cwd=image.folder, on_line=say)
    while process.wait(_POLL_SECONDS) is None:
        if stop.is_set():
            process.terminate(0.0)
            _refuse_if_stopped(image, stop)
    if process.exit_code != 0:
        tail = process.tail().strip()[-_LONGEST_TAIL:]
        raise RuntimeFailure(
            f"image {image.uri} could not be built from containers/{image.folder.name}:"
            f" {image.engine.name} build ended with exit code {process.exit_code}"
            + (f". Last output: {tail}" if tail else "")
        )


def _refuse_if_stopped(image: Image, stop: threading.Event) -> None:
    if stop.is_set():
        raise RuntimeFailure(f"it was stopped while image {image.uri} was being built")


def content_hash(folder: Path) -> str:
    """Return what the folder holds, as its image's tag."""
    return str(_build_context().build_context_hash(folder))


@cache
def _build_context() -> ModuleType:
    # By its path: the library is not installed in the environment of the local AWS, and the one
    # definition of what a folder's content is must not be written twice.
    name = "sagemaker_workflow_build_context"
    spec = importlib.util.spec_from_file_location(name, _CONTEXT)
    assert spec is not None  # noqa: S101  a .py file has a loader
    assert spec.loader is not None  # noqa: S101  a .py file has a loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look there
    spec.loader.exec_module(module)
    return module
