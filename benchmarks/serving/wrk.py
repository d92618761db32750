"""Load by Debian's `wrk`, and what it measured."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """One run of wrk; times are in seconds."""

    requests: int
    per_second: float
    p50: float
    p99: float
    bad: int


def needed() -> None:
    """Both programs are there, or the process ends with the sentence that says how to get them."""
    missing = [name for name in ("wrk", "nginx", "taskset") if shutil.which(name) is None]
    if missing:
        packages = {"wrk": "wrk", "nginx": "nginx-light", "taskset": "util-linux"}
        names = " ".join(packages[name] for name in missing)
        sys.exit(f"{', '.join(missing)} not found; install with: apt-get install {names}")


def post_script(path: Path, row: str, content_type: str = "text/csv") -> Path:
    """A wrk script that posts the row; it must hold no apostrophe."""
    path.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = '{row}'\n"
        f'wrk.headers["Content-Type"] = "{content_type}"\n'
        'wrk.headers["Accept"] = "*/*"\n'
    )
    return path


def load(
    url: str, *, connections: int, seconds: int, core: int, script: Path | None = None
) -> Load:
    """Ask as fast as `connections` clients can for some seconds."""
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += ["--latency", "--timeout", "30s", *(["-s", str(script)] if script else []), url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    bad = [int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", text)]
    bad += [
        int(n)
        for line in re.findall(r"Socket errors: (.*)", text)
        for n in re.findall(r"\d+", line)
    ]
    requests = int(_found(r"(\d+) requests in", text))
    return Load(
        requests=requests,
        per_second=float(_found(r"Requests/sec:\s+([\d.]+)", text)),
        p50=_seconds(_found(r"\n\s+50%\s+(\S+)", text)),
        p99=_seconds(_found(r"\n\s+99%\s+(\S+)", text)),
        bad=sum(bad),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"wrk said nothing like {pattern}: {text}")
    return match.group(1)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    assert match, text
    return float(match.group(1)) * _UNITS[match.group(2)]
