"""What our constructs cost at synth, beside plain L1 that makes the same resources.

`python benchmarks/synth/compare.py [endpoints ...]` runs both apps in processes of their own, in
turns, three times for each number of endpoints (1, 10, 50, 100, 200), and prints the medians: CPU
seconds of Python and Node together, which a busy machine disturbs least, and the time on the clock.
It exits 1 when the two do not make the same: every resource with every property, but for the names
that nobody sees (`same.py`). `--calls [--all]` counts instead how often each app asks the Node
process for one endpoint: the figure that no busy machine disturbs.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from same import Template, differences, templates

HERE = Path(__file__).resolve().parent
COUNTS = (1, 10, 50, 100, 200)
ROUNDS = 3
AIM = 1.3
_SHOWN = 10
APPS = {"ours": "ours", "handwritten": "L1"}


@dataclass(frozen=True)
class Run:
    """One synth: its time, and what it made."""

    cpu: float
    wall: float
    bytes: int
    made: dict[str, Template]


def run(app: str, endpoints: int) -> Run:
    """Synthesise in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, str(HERE / "run.py"), app, str(endpoints), folder],
            check=True,
            env=_environment(),
            stderr=subprocess.DEVNULL,
        )
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        made = templates(Path(folder))
        size = sum(one.stat().st_size for one in Path(folder).glob("*.template.json"))
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Run(cpu=cpu, wall=wall, bytes=size, made=made)


def _environment() -> dict[str, str]:
    """Modules stay compiled from one run to the next, as an installed library's are."""
    kept = {key: one for key, one in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "CDK_VALIDATION": "false"}


def told_apart(ours: Run, plain: Run) -> list[str]:
    """What only one of the two apps makes, or makes differently."""
    if ours.made.keys() != plain.made.keys():
        return [f"stacks: ours {sorted(ours.made)}, by hand {sorted(plain.made)}"]
    return [
        f"{name}: {one}"
        for name in ours.made
        for one in differences(ours.made[name], plain.made[name])
    ]


def line(points: list[tuple[int, float]]) -> tuple[float, float, float]:
    """Fixed cost, cost of each endpoint, and how straight the line is (R squared)."""
    if len(points) < 2:
        return (points[0][1], 0.0, 1.0)
    numbers, costs = [float(x) for x, _ in points], [y for _, y in points]
    slope, fixed = statistics.linear_regression(numbers, costs)
    return fixed, slope, statistics.correlation(numbers, costs) ** 2


def main(counts: list[int]) -> int:
    """Both tables are on the screen; exit status 1 when the resources differ."""
    print("| endpoints | resources | ours, CPU s | L1, CPU s | ratio | ours, s | L1, s | ours, KB |"
          " L1, KB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    points: dict[str, list[tuple[int, float]]] = {app: [] for app in APPS}
    for app in APPS:
        run(app, 1)  # compiles, and warms the disk
    for count in counts:
        runs: dict[str, list[Run]] = {app: [] for app in points}
        for turn in range(ROUNDS):
            # Each app comes first as often as second: what else the machine does wears off.
            for app in list(APPS)[:: -1 if turn % 2 else 1]:
                runs[app].append(run(app, count))
        ours, plain = runs["ours"], runs["handwritten"]
        resources = sum(len(one["Resources"]) for one in ours[0].made.values())
        if faults := told_apart(ours[0], plain[0]):
            print("not the same:", *faults[:_SHOWN], sep="\n")
            return 1
        cpu = {app: statistics.median(one.cpu for one in found) for app, found in runs.items()}
        wall = {app: statistics.median(one.wall for one in found) for app, found in runs.items()}
        for app, seconds in cpu.items():
            points[app].append((count, seconds))
        print(
            f"| {count} | {resources} | {cpu['ours']:.2f} |"
            f" {cpu['handwritten']:.2f} | {cpu['ours'] / cpu['handwritten']:.2f} |"
            f" {wall['ours']:.2f} | {wall['handwritten']:.2f} | {ours[0].bytes / 1024:.0f} |"
            f" {plain[0].bytes / 1024:.0f} |",
            flush=True,
        )
    print()
    slopes = {}
    for app, name in APPS.items():
        fixed, slopes[app], straight = line(points[app])
        print(
            f"{name}: {fixed:.2f} s + {1000 * slopes[app]:.1f} ms an endpoint of CPU,"
            f" R² {straight:.4f}"
        )
    if len(counts) > 1:
        print(f"an endpoint more: {slopes['ours'] / slopes['handwritten']:.2f} of L1")
    print(f"aim: at most {AIM} of L1")
    return 0


def count_calls(arguments: list[str]) -> int:
    """Both apps' calls into Node are on the screen."""
    for app in APPS:
        subprocess.run(
            [sys.executable, str(HERE / "calls.py"), app, *arguments],
            check=True,
            env=_environment(),
        )
    return 0


if __name__ == "__main__":
    if "--calls" in sys.argv[1:]:
        raise SystemExit(count_calls([one for one in sys.argv[1:] if one == "--all"]))
    raise SystemExit(main([int(one) for one in sys.argv[1:]] or list(COUNTS)))
