"""A container's folder that S3 follows while the container runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws.runtime import archives, s3
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.workspace import OPT_ML, Workspace

DEFAULT_CHECKPOINT_PATH = "/opt/ml/checkpoints"
SYNC_SECONDS = 5.0  # "continuously" on SageMaker; this is how much work a crash may lose here


class UploadedFolder:
    """What changes in the folder goes to S3: continuously once started, and when closed."""

    def __init__(
        self,
        folder: Path,
        uri: str,
        store: s3.RoleS3,
        *,
        kms_key: str | None = None,
        deletes: bool,
    ) -> None:
        self.folder, self._uri, self._store = folder, uri, store
        self._kms_key, self._deletes = kms_key, deletes
        self._seen: dict[str, tuple[int, int]] = {}
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Have S3 follow the folder from now on; what is in it already is known to S3."""
        self._seen = self._state()
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
        self._thread.start()

    def abandon(self) -> None:
        """Stop following; what was not sent yet is not sent."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Return once S3 holds what the folder holds; RuntimeFailure when it cannot."""
        self.abandon()
        self._sync()

    def _run(self) -> None:
        while not self._done.wait(SYNC_SECONDS):
            try:
                self._sync()
            except (RuntimeFailure, OSError):
                continue  # a file that is being written; what remains is raised by close()

    def _state(self) -> dict[str, tuple[int, int]]:
        return {
            name: (path.stat().st_mtime_ns, path.stat().st_size)
            for name, path in archives.files(self.folder)
        }

    def _sync(self) -> None:
        now = self._state()
        for name, state in now.items():
            if self._seen.get(name) != state:
                self._store.write(
                    s3.join(self._uri, name), self.folder / name, kms_key=self._kms_key
                )
                self._seen[name] = state
        for name in self._seen.keys() - now.keys():
            if self._deletes:
                self._store.delete(s3.join(self._uri, name))
            del self._seen[name]


def checkpoints(
    config: Mapping[str, Any], workspace: Workspace, store: s3.RoleS3
) -> UploadedFolder:
    """Return a checkpoint folder that holds what S3 held, and that S3 now follows.

    Local deletions are propagated, later additions in S3 are not (contracts 1.5).
    """
    path = config.get("LocalPath", DEFAULT_CHECKPOINT_PATH)
    if not path.startswith(OPT_ML + "/"):
        raise RuntimeFailure(f"checkpoint path {path!r} must be below {OPT_ML} to run locally")
    uri = config["S3Uri"].rstrip("/") + "/"
    followed = UploadedFolder(workspace.folder(path), uri, store, deletes=True)
    store.download_prefix(uri, followed.folder)
    followed.start()
    return followed
