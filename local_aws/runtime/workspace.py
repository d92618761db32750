"""A container's own folders: /opt/ml under another name, a home and a place for temporary files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_aws import adapter
from local_aws.runtime import permissions
from local_aws.runtime.containers import Launch, RuntimeFailure

OPT_ML = "/opt/ml"


class Workspace:
    """The folders of one container; `base` is what it knows as /opt/ml."""

    def __init__(self, name: str) -> None:
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
        return Path(self.moved(path))

    def moved(self, text: str) -> str:
        """Return `text` with /opt/ml, where it starts a path, replaced by this workspace's."""
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
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",  # log lines arrive as they are written
            "PYTHONDONTWRITEBYTECODE": "1",  # an image's code is not changed by running it
            **launch.env,
            **{name: self.moved(value) for name, value in user.items()},
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "SAGEMAKER_BASE_DIR": str(self.base),
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

    def remove(self) -> None:
        """Leave nothing of the workspace on disk."""
        permissions.make_writable(self.root)
        shutil.rmtree(self.root, ignore_errors=True)


def require_program(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Raise RuntimeFailure when the first word of the command line is no program."""
    if shutil.which(argv[0], path=env["PATH"]) is None:
        raise RuntimeFailure(f"the container's entrypoint {argv[0]!r} is no program on its PATH")
