"""How often an app asks the Node process, for each endpoint, and who in the app does.

A CDK app in Python makes nothing itself: each constructor, method and property of CDK is a message
to a Node process and back, which costs more than what is done there. Calls are counted where CDK's
modules make them, in one process, for a few endpoints and for some more; the difference is what an
endpoint costs, without what an app costs once.

`python benchmarks/synth/compare.py --calls [--all]` shows both apps' calls.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import App

FEW, MORE = 2, 12
_SHOWN = 12
_KINDS = ("create", "get", "set", "invoke", "sget", "sinvoke")
_LIBRARIES = ("/aws_cdk/", "/jsii/", "/constructs/_jsii", "/typeguard/", "/site-packages/")

Call = tuple[str, str, str]  # kind, class or member, who asked


@dataclass
class Calls:
    """Every message to Node since the start, and the seconds spent waiting for it."""

    count: Counter[Call] = field(default_factory=Counter)
    seconds: defaultdict[Call, float] = field(default_factory=lambda: defaultdict(float))

    def reset(self) -> None:
        self.count.clear()
        self.seconds.clear()


def count_calls() -> Calls:
    """From now on every call into CDK is counted."""
    calls = Calls()
    for kind in _KINDS:
        setattr(jsii, kind, _counted(kind, getattr(jsii, kind), calls))
    return calls


def _counted(kind: str, call: Callable[..., Any], calls: Calls) -> Callable[..., Any]:
    def counted(of: Any, *rest: Any) -> Any:
        klass = of if isinstance(of, type) else type(of)
        member = "" if kind == "create" else f".{rest[0]}"
        called: Call = (kind, f"{_name(klass)}{member}", _asker())
        began = time.perf_counter()
        try:
            return call(of, *rest)
        finally:
            calls.count[called] += 1
            calls.seconds[called] += time.perf_counter() - began

    return counted


def _name(klass: type) -> str:
    """`aws_iam.Role`; of a class of the app's own, the class of CDK that it is."""
    for one in klass.__mro__:
        declared = one.__dict__.get("__jsii_declared_type__") or one.__dict__.get("__jsii_type__")
        if isinstance(declared, str):
            return declared.removeprefix("aws-cdk-lib.")
    return klass.__qualname__


def _asker() -> str:
    """The nearest line that is nobody's library."""
    frame = sys._getframe(2)
    while frame.f_back is not None:
        path = Path(frame.f_code.co_filename)
        if not any(one in path.as_posix() for one in _LIBRARIES):
            return f"{path.parent.name}/{path.name}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


def per_endpoint(add: Callable[[App, int], None]) -> dict[Call, tuple[float, float]]:
    """How often, and for how many milliseconds, each call is made for one endpoint more."""
    calls, found = count_calls(), []
    for endpoints in (FEW, FEW, MORE):  # the first loads what is loaded once
        calls.reset()
        with tempfile.TemporaryDirectory() as folder:
            app = App(outdir=folder, analytics_reporting=False, stack_traces=False)
            for number in range(endpoints):
                add(app, number)
            app.synth()
        found.append((calls.count.copy(), dict(calls.seconds)))
    _, (few, spent_few), (more, spent_more) = found
    each = MORE - FEW
    return {
        call: (
            (more[call] - few[call]) / each,
            1000 * (spent_more[call] - spent_few.get(call, 0)) / each,
        )
        for call in more
    }


def report(name: str, cost: dict[Call, tuple[float, float]], *, shown: int | None) -> None:
    """The calls of an endpoint are on the screen: by kind, then the most frequent ones."""
    by_kind: defaultdict[str, float] = defaultdict(float)
    members: defaultdict[tuple[str, str], list[tuple[float, float, str]]] = defaultdict(list)
    for (kind, member, asker), (count, spent) in cost.items():
        by_kind[kind] += count
        members[kind, member].append((count, spent, asker))
    kinds = ", ".join(
        f"{kind} {count:g}" for kind, count in sorted(by_kind.items(), key=lambda one: -one[1])
    )
    waited = sum(spent for _, spent in cost.values())
    print(
        f"{name}: {sum(by_kind.values()):g} calls an endpoint ({kinds}), {waited:.1f} ms waited "
        "for Node, App.synth included"
    )
    print("| calls | ms | kind | what | asked most by |")
    print("|---|---|---|---|---|")
    ranked = sorted(
        (-sum(count for count, *_ in found), -sum(spent for _, spent, _ in found), called)
        for called, found in members.items()
    )
    for fewer, less, (kind, member) in ranked[:shown]:
        asker = max(members[kind, member])[2]
        print(f"| {-fewer:g} | {-less:.2f} | {kind} | {member} | {asker} |")
    print()


def main(app: str, *, everything: bool) -> None:
    """The calls of the app of this name, `ours` or `handwritten`, are on the screen."""
    add = importlib.import_module(app).add
    report(app, per_endpoint(add), shown=None if everything else _SHOWN)


if __name__ == "__main__":
    main(sys.argv[1], everything="--all" in sys.argv[2:])
