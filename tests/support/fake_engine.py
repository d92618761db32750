"""A program that passes for podman or docker: it records its calls and runs folders as containers.

Its "containers" leave its process group, as real ones do, so that who kills the client has not
killed the container. Written as a script of its own by `install`.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

_SCRIPT = """#!{python}
import json, os, pathlib, signal, subprocess, sys
state = pathlib.Path({state!r})
words = sys.argv[1:]
with (state / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")
if (state / "silent").exists():
    sys.exit("Cannot connect to the daemon")
if words[:1] == ["--runtime"]:
    words = words[2:]
containers, images = state / "containers", state / "images"

def option(name):
    return words[words.index(name) + 1]

def build():
    folder = pathlib.Path(words[-1])
    print("STEP 1: building", folder.name, flush=True)
    if (folder / "broken").exists():
        sys.exit("error: no such package")
    (images / option("--tag").replace("/", "%")).write_text(str(folder))

def run():
    at = next(n for n, word in enumerate(words) if word.startswith("localhost/"))
    folder = pathlib.Path((images / words[at].replace("/", "%")).read_text())
    lines = pathlib.Path(option("--env-file")).read_text().splitlines()
    env = dict(line.split("=", 1) for line in lines)
    names = [words[n + 1] for n, word in enumerate(words) if word == "--env"]
    env.update((name, os.environ[name]) for name in names)
    mounts = [words[n + 1] for n, word in enumerate(words) if word == "--mount"]
    env["MOUNTS"] = json.dumps(mounts)
    # It says nothing before it is known: who reads its words may ask for it.
    gate = ["/bin/sh", "-c", 'read -r go || exit 125; exec "$@" </dev/null', "container"]
    child = subprocess.Popen([*gate, sys.executable, "-u", folder / "__main__.py", *words[at + 1:]],
                             env=env, start_new_session=True, stdin=subprocess.PIPE)
    record = containers / option("--name")
    draft = state / f"draft-{{os.getpid()}}"
    draft.write_text(json.dumps([child.pid, option("--label")]))
    draft.replace(record)
    signal.signal(signal.SIGTERM, lambda *a: child.terminate())
    child.stdin.write(b"go\\n")
    child.stdin.close()
    code = child.wait()
    record.unlink(missing_ok=True)
    sys.exit(code if code >= 0 else 128 - code)

def ps():
    wanted = option("--filter").removeprefix("label=")
    for record in containers.iterdir():
        try:
            label = json.loads(record.read_text())[1]
        except FileNotFoundError:
            continue  # it ended just now
        if label == wanted:
            print(record.name)

def rm():
    for name in words[1:]:
        record = containers / name
        try:
            os.kill(json.loads(record.read_text())[0], signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass
        record.unlink(missing_ok=True)

def image():
    sys.exit(not (images / words[2].replace("/", "%")).exists())

globals()[words[0]]()
"""


class FakeEngine:
    """The program, what it was asked, and what it believes to run."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self._state = name, folder / "engine"
        self.bin = folder / "bin"
        for made in (self.bin, self._state / "containers", self._state / "images"):
            made.mkdir(parents=True)
        program = self.bin / name
        program.write_text(_SCRIPT.format(python=sys.executable, state=str(self._state)))
        program.chmod(0o755)

    def calls(self, word: str) -> list[list[str]]:
        """Every command line that was given with this word in it."""
        file = self._state / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [call for call in map(json.loads, lines) if word in call]

    def containers(self) -> dict[str, Any]:
        """Process ids of the containers it has, by name."""
        found = {}
        for record in (self._state / "containers").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it ended just now
                found[record.name] = json.loads(record.read_text())[0]
        return found

    def leave_behind(self, name: str, pid: int, label: str) -> None:
        """A container of an earlier server."""
        (self._state / "containers" / name).write_text(json.dumps([pid, label]))

    def go_silent(self) -> None:
        """From now on it answers nothing but an error."""
        (self._state / "silent").touch()
