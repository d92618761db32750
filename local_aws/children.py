"""Every process below this one, found and ended."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

_KILL_SECONDS = 2.0  # until the kernel has ended what was killed; on a busy machine not at once


def kill_all(*, grace_seconds: float) -> None:
    """No descendant of this process is left: asked to end first, killed after the grace."""
    doomed = descendants(os.getpid())
    _send(doomed, signal.SIGTERM if grace_seconds else signal.SIGKILL)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and any(_alive(pid) for pid in doomed):
        _reap()
        time.sleep(0.02)
    # Those that outlived the grace, and what they started meanwhile.
    left = {*descendants(os.getpid()), *(pid for pid in doomed if _alive(pid))}
    _send(left, signal.SIGKILL)
    deadline = time.monotonic() + _KILL_SECONDS
    _reap()
    while time.monotonic() < deadline and any(_alive(pid) for pid in left):
        time.sleep(0.02)
        _reap()


def descendants(root: int) -> set[int]:
    """The ids of all processes below `root`, whatever their session or group."""
    below: dict[int, list[int]] = {}
    for pid, parent in _parents():
        below.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        for pid in below.get(waiting.pop(), []):
            if pid not in found:
                found.add(pid)
                waiting.append(pid)
    return found


def _parents() -> Iterable[tuple[int, int]]:
    if Path("/proc/self/stat").exists():
        return _from_proc()
    return _from_ps()


def _from_proc() -> list[tuple[int, int]]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue  # it ended while we looked
            # The command's name is in brackets and may hold anything, brackets included.
            found.append((int(folder.name), int(stat.rpartition(")")[2].split()[1])))
    return found


def _from_ps() -> list[tuple[int, int]]:
    listing = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    me = os.getpid()
    rows = [tuple(map(int, line.split())) for line in listing.splitlines() if line.strip()]
    return [(pid, parent) for pid, parent in rows if pid != me]


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self/stat").exists()
    # One that ended counts as gone, whoever its parent is now.
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def _reap() -> None:
    """Take leave of children that ended; until then they count as alive."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
