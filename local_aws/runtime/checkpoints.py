"""Checkpoints: a folder and an S3 prefix kept alike while a job trains (contracts 1.5)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws.runtime import archives, s3
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.workspace import OPT_ML, Workspace

DEFAULT_PATH = "/opt/ml/checkpoints"
SYNC_SECONDS = 5.0  # "continuously" on SageMaker; this is how much work a crash may lose here


class Checkpoints:
    """What is in S3 at the start is in the folder; what changes in the folder goes to S3."""

    def __init__(self, config: Mapping[str, Any], workspace: Workspace, store: s3.RoleS3) -> None:
        path = config.get("LocalPath", DEFAULT_PATH)
        if not path.startswith(OPT_ML + "/"):
            raise RuntimeFailure(f"checkpoint path {path!r} must be below {OPT_ML} to run locally")
        self._uri = config["S3Uri"].rstrip("/") + "/"
        self._store = store
        self._folder: Path = workspace.folder(path)
        self._seen: dict[str, tuple[int, int]] = {}
        self._done = threading.Event()
        store.download_prefix(self._uri, self._folder)
        self._seen = self._state()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Return once S3 holds what the folder holds; RuntimeFailure when it cannot."""
        self._done.set()
        self._thread.join()
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
            for name, path in archives.files(self._folder)
        }

    def _sync(self) -> None:
        now = self._state()
        for name in now.keys() - {k for k, v in self._seen.items() if now.get(k) == v}:
            self._store.write(s3.join(self._uri, name), self._folder / name)
            self._seen[name] = now[name]
        for name in self._seen.keys() - now.keys():  # local deletions are propagated
            self._store.delete(s3.join(self._uri, name))
            del self._seen[name]
