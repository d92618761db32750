"""A container's own folders: /opt/ml under another name, a home and a place for temporary files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_aws import adapter
from local_aws.runtime import permissions
from local_aws.runtime.containers import Launch, RuntimeFailure
from local_aws.runtime.engine import Mount

OPT_ML = "/opt/ml"


class Workspace:
    """The folders of one container; `base` is what it knows as /opt/ml.

    A process is told another name for /opt/ml; where `mounted`, a real container finds the folders
    at their true place, and every path stays what it is.
    """

    def __init__(self, name: str) -> None:
        self.mounted = False
        self._read_only: dict[str, Path] = {}
        root = adapter.state_dir().resolve() / "work"  # containers run in other folders
        root.mkdir(parents=True, exist_ok=True)
        self.root = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root))
        self.base = self.root / "ml"
        self.home = self.root / "home"  # empty: nothing on the import path of `python -m`
        self.tmp = self.root / "tmp"
        for folder in (self.base, self.home, self.tmp):
            folder.mkdir()

    def folder(self, path: str) -> Path:
        """Return an existing folder for a path below /opt/ml."""
        folder = self.path(path)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def path(self, path: str) -> Path:
        """Return where a path below /opt/ml is on this machine."""
        return Path(path.replace(OPT_ML, str(self.base), 1))

    def read_only(self, path: str, folder: Path) -> None:
        """Have a folder that others use too at a path below /opt/ml."""
        if self.mounted:
            self._read_only[path] = folder
        else:
            self.path(path).symlink_to(folder, target_is_directory=True)

    def mounts(self) -> list[Mount]:
        """Return what a real container is given: /opt/ml, and in it what it may only read."""
        return [
            Mount(source=self.base, target=OPT_ML),
            *(
                Mount(source=folder, target=path, read_only=True)
                for path, folder in self._read_only.items()
            ),
        ]

    def moved(self, text: str) -> str:
        """Return `text` with /opt/ml, where it starts a path, as the container knows it."""
        if self.mounted:
            return text
        if text == OPT_ML or f"{OPT_ML}/" in text:
            return text.replace(OPT_ML, str(self.base))
        return text

    def argv(self, words: Sequence[str]) -> list[str]:
        """Return a command line with every /opt/ml path moved."""
        return [self.moved(word) for word in words]

    def environment(
        self,
        launch: Launch,
        *,
        role_arn: str,
        isolated: bool,
        platform: Mapping[str, str],
        user: Mapping[str, str],
    ) -> dict[str, str]:
        """Return a container's whole environment: nothing of ours leaks into it.

        `user` is the request's Environment; the platform's own variables win over it. An isolated
        container has neither credentials nor an address to use them at, as on SageMaker.
        """
        values = {
            **({} if self.mounted else self._of_a_process(launch)),
            **{name: self.moved(value) for name, value in user.items()},
            **({} if self.mounted else self._instead_of_root()),
            "AWS_REGION": adapter.region(),
            "AWS_DEFAULT_REGION": adapter.region(),
            "AWS_EC2_METADATA_DISABLED": "true",  # else an SDK without credentials waits for it
            **platform,
        }
        if not isolated:
            values |= adapter.role_credentials(role_arn, session_name="SageMaker")
            values |= {
                "AWS_ENDPOINT_URL": adapter.endpoint_url(),
                "AWS_ENDPOINT_URL_S3": adapter.endpoint_url(),
            }
        return values

    def _of_a_process(self, launch: Launch) -> dict[str, str]:
        """What an image would set for itself."""
        return {
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",  # log lines arrive as they are written
            "PYTHONDONTWRITEBYTECODE": "1",  # an image's code is not changed by running it
            **launch.env,
        }

    def _instead_of_root(self) -> dict[str, str]:
        """Where a process finds the folders that in a container are its own."""
        return {
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "SAGEMAKER_BASE_DIR": str(self.base),
        }

    def remove(self) -> None:
        """Leave nothing of the workspace on disk."""
        permissions.make_writable(self.root)
        shutil.rmtree(self.root, ignore_errors=True)


def require_program(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Raise RuntimeFailure when the first word of the command line is no program."""
    if shutil.which(argv[0], path=env["PATH"]) is None:
        raise RuntimeFailure(f"the container's entrypoint {argv[0]!r} is no program on its PATH")
