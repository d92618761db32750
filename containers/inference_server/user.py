"""Which user serves: root opens the container, as SageMaker asks, and no request is answered by it.

SageMaker runs images as root and says that other users can hit permission errors (contracts 2.1):
whether one would is looked at first, so a model that only root may read is still served.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from inference_server.settings import Settings


def leave_root(settings: Settings) -> str | None:
    """From here on the process is `settings.user`, or it stays root and the sentence says why.

    Nothing happens where the server was started by somebody else than root, or no user is set.
    """
    if not settings.user or os.geteuid() != 0:
        return None
    if settings.multi_model:
        return "serving as root: models that SageMaker adds later may be root's alone"
    if found := unreadable([settings.model_dir, settings.script_dir]):
        return f"serving as root: user {settings.user} may not read {found}"
    os.environ["HOME"] = "/tmp"  # noqa: S108  root's own is closed
    os.setgroups([])
    os.setgid(settings.user)
    os.setuid(settings.user)
    return None


def unreadable(folders: Iterable[Path]) -> Path | None:
    """The first of these folders, what is above and what is in them that others may not read."""
    for folder in folders:
        for path in (*reversed(folder.parents), folder, *_below(folder)):
            if not path.exists():
                continue
            mode = path.stat().st_mode
            needed = stat.S_IROTH
            if path.is_dir():
                needed = stat.S_IXOTH | (stat.S_IROTH if path not in folder.parents else 0)
            if mode & needed != needed:
                return path
    return None


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        yield from (Path(root, name) for name in (*folders, *files))
