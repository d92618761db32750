"""From an image, a workspace and a request to a running container, whatever runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from local_aws.runtime import engine, images
from local_aws.runtime.containers import Launch
from local_aws.runtime.processes import Process
from local_aws.runtime.workspace import Workspace, require_program


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A container that can be started: its command line and environment are known and checked."""

    launch: Launch
    workspace: Workspace
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...] | None  # None: the image's own
    arguments: tuple[str, ...]
    network: str

    def pull(self, *, say: Callable[[str], None], stop: threading.Event) -> None:
        """Return once the image is there; RuntimeFailure when it cannot be had. A process has it.

        `say` gets what the building of an image has to say.
        """
        if self.launch.oci is not None:
            engine.ready(self.launch.oci, say=say, stop=stop)

    def start(self, on_line: Callable[[str], None]) -> Process:
        """Return the running container; `on_line` gets its output."""
        workspace = self.workspace
        if self.launch.oci is None:
            words = [*(self.entrypoint or self.launch.argv), *self.arguments]
            return Process(
                workspace.argv(words),
                env=self.environment,
                cwd=workspace.home,
                on_line=on_line,
            )
        return engine.start(
            self.launch.oci,
            name=workspace.root.name,
            mounts=workspace.mounts(),
            environment=self.environment,
            environment_file=workspace.root / "environment",
            entrypoint=self.entrypoint,
            arguments=self.arguments,
            network=self.network,
            on_line=on_line,
        )


def prepare(
    launch: Launch,
    workspace: Workspace,
    *,
    role_arn: str,
    isolated: bool,
    platform: Mapping[str, str],
    user: Mapping[str, str],
    entrypoint: Sequence[str] | None = None,
    arguments: Sequence[str] = (),
    listens: bool = False,
) -> Prepared:
    """Return a container that can be started; RuntimeFailure when its program is not there.

    `listens` is whether it takes requests: an isolated one that does not has no network at all
    where an engine runs it.
    """
    environment = workspace.environment(
        launch, role_arn=role_arn, isolated=isolated, platform=platform, user=user
    )
    if launch.oci is None:
        require_program([*(entrypoint or launch.argv), *arguments], environment)
    return Prepared(
        launch=launch,
        workspace=workspace,
        environment=environment,
        entrypoint=tuple(entrypoint) if entrypoint else None,
        arguments=tuple(arguments),
        # The host's network: the local AWS listens on loopback only, where a container with a
        # network of its own cannot reach it, and two containers on one port are told apart by
        # SAGEMAKER_BIND_TO_PORT as processes are.
        network="none" if isolated and not listens else "host",
    )


def resolve(image_uri: str, role_arn: str, workspace: Workspace) -> Launch:
    """Return how the image runs, with the workspace where its containers look for /opt/ml."""
    launch = images.resolve(image_uri, role_arn)
    workspace.mounted = launch.oci is not None
    return launch
