"""Container images on this machine: `python -m ops.build_images` builds containers/ with an engine.

Each image is `<prefix>/<container>:<hash of its build context>`; one that is there is not built
again. Two are built at a time: one downloads while the other unpacks. What each weighs is printed,
in all and in Python packages. Another base, platform or options for the engine (behind `--`) make
another image of the same content: its tag has a suffix.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sagemaker_workflow.build_context import BuildContext

ROOT = Path(__file__).parents[1]
PREFIX = "localhost/sagemaker-workflow"
ENGINES = ("podman", "docker")
# Gigabytes each, and of no use without a GPU: built when they are named.
LARGE = ("torch_trainer", "vllm")
AT_A_TIME = 2
_SITE_PACKAGES = (
    "import pathlib, sysconfig; p = pathlib.Path(sysconfig.get_paths()['purelib']);"
    " print(sum(f.lstat().st_size for f in p.rglob('*') if f.is_file()))"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An image of the engine's store and what it weighs, in bytes."""

    tag: str
    size: int
    site_packages: int


def containers(root: Path = ROOT) -> list[str]:
    """The folders of containers/ that make an image."""
    return sorted(path.parent.name for path in (root / "containers").glob("*/Dockerfile"))


def command(
    engine: str,
    context: BuildContext,
    tag: str,
    *,
    base: str | None = None,
    platform: str | None = None,
    options: Sequence[str] = (),
) -> list[str]:
    """The command line that builds `context`, all but the folder."""
    words = [engine, "build", "--tag", tag, "--build-arg", f"REVISION={context.hash}"]
    if engine == "podman":
        # OCI's own format has no HEALTHCHECK; inside a container runc cannot build as root.
        words += ["--format", "docker", "--isolation", "chroot"]
    words += ["--platform", platform] if platform else []
    words += ["--build-arg", f"BASE={base}"] if base else []
    digest = (base or context.base or "").partition("@")[2]
    words += ["--build-arg", f"BASE_DIGEST={digest}"] if digest else []
    # A package index or a proxy on this machine's loopback is in reach, as for `make install`.
    return [*words, "--network", "host", *options]


def tag_of(
    context: BuildContext, base: str | None, platform: str | None, options: Sequence[str]
) -> str:
    """The image's name here. The local AWS's engine looks for the same one."""
    # By its base alone it is the engine's own suffix (local_aws/runtime/engine/build.py).
    other = "\0".join([base or "", platform or "", *options]).rstrip("\0")
    suffix = f"-{hashlib.sha256(other.encode()).hexdigest()[:8]}" if other else ""
    return f"{PREFIX}/{context.name}:{context.hash}{suffix}"


def build(
    engine: str,
    name: str,
    *,
    base: str | None = None,
    platform: str | None = None,
    options: Sequence[str] = (),
    root: Path = ROOT,
) -> Built:
    """The container's image is in the engine's store. Raises CalledProcessError."""
    context = BuildContext.read(root / "containers" / name)
    tag = tag_of(context, base, platform, options)
    if subprocess.run([engine, "image", "inspect", tag], capture_output=True).returncode:  # noqa: S603
        words = command(engine, context, tag, base=base, platform=platform, options=options)
        _follow([*words, str(context.copy())], name)
    return Built(tag=tag, size=int(_ask(engine, tag)), site_packages=_weigh(engine, tag))


def _follow(words: list[str], name: str) -> None:
    """The program has ended; each line it wrote began with `name`. Raises CalledProcessError."""
    with subprocess.Popen(  # noqa: S603
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as program:
        for line in program.stdout or ():
            sys.stderr.write(f"{name}: {line}")
    if program.returncode:
        raise subprocess.CalledProcessError(program.returncode, words)


def _ask(engine: str, tag: str) -> str:
    words = [engine, "image", "inspect", "--format", "{{.Size}}", tag]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout  # noqa: S603


def runner(engine: str) -> list[str]:
    """The command line that runs a container, as far as machines differ."""
    words = [engine]
    if engine == "podman":
        # Debian's podman prefers crun, which wants more of the kernel than small machines have;
        # a proxy of ours is not the container's.
        runc = shutil.which("runc") is not None
        words += [*(["--runtime", "runc"] if runc else []), "run", "--http-proxy=false"]
        words += ["--security-opt", "label=disable"]
        words += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"] if runc else []
    else:
        words += ["run"]
    return [*words, "--network", "host"]


def _weigh(engine: str, tag: str) -> int:
    words = [*runner(engine), "--rm", "--entrypoint", "python", tag, "-c", _SITE_PACKAGES]
    done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603
    return int(done.stdout)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the images named on the command line, or all but the large ones; a line for each."""
    parser = argparse.ArgumentParser(prog="python -m ops.build_images", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"containers (default: all but {', '.join(LARGE)})")
    parser.add_argument("--engine", choices=ENGINES, default="podman")
    parser.add_argument("--base", help="the base image, best by digest: name:tag@sha256:...")
    parser.add_argument("--platform", help="what it is built for, such as linux/arm64")
    words = list(sys.argv[1:] if arguments is None else arguments)
    behind = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:behind])
    passed_on = words[behind + 1 :]
    known = containers()
    if unknown := sorted(set(options.name) - set(known)):
        parser.error(f"no such container: {', '.join(unknown)}; there are: {', '.join(known)}")
    if shutil.which(options.engine) is None:
        parser.error(f"there is no {options.engine} on the PATH: install it, or --engine the other")

    def one(name: str) -> str:
        try:
            made = build(
                options.engine,
                name,
                base=options.base,
                platform=options.platform,
                options=passed_on,
            )
        except subprocess.CalledProcessError as error:
            sys.exit(f"containers/{name}: {options.engine} ended with {error.returncode}")
        packages = f"site-packages {made.site_packages / 1e6:.1f} MB"
        return f"{made.tag}: {made.size / 1e6:.0f} MB, {packages}"

    with ThreadPoolExecutor(AT_A_TIME) as builders:
        for line in builders.map(one, options.name or [n for n in known if n not in LARGE]):
            print(line)  # noqa: T201


if __name__ == "__main__":
    main()
