"""The table of figures: each peer's own, then each ratio beside the one to reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Measured = dict[str, float]
ECHO, OURS, SAMPLE, FASTAPI = "ours echo", "ours", "AWS sample", "FastAPI"


def ratio(figure: str, one: str, other: str) -> Callable[[Mapping[str, Measured]], float]:
    """A figure of one server over the same of another."""
    return lambda found: found[one][figure] / found[other][figure]


def _further(found: Mapping[str, Measured]) -> float:
    return (found["3 workers"]["pss"] - found["1 workers"]["pss"]) / 2 / 1024**2


# What it is called, how it is computed, what is to be reached.
ROWS: list[tuple[str, Callable[[Mapping[str, Measured]], float], str]] = [
    ("echo, CPU per request / nginx", ratio("cpu_per_request", ECHO, "nginx echo"), "<= 1.5"),
    ("req/s with the model / AWS sample", ratio("per_second", OURS, SAMPLE), ">= 100"),
    ("req/s with the model / MMS", ratio("per_second", OURS, "MMS"), ">= 100"),
    ("req/s with the model / LitServe", ratio("per_second", OURS, "LitServe"), "-"),
    ("req/s with the model / BentoML", ratio("per_second", OURS, "BentoML"), "-"),
    ("req/s with the model / FastAPI", ratio("per_second", OURS, FASTAPI), ">= 5"),
    ("CPU per request / FastAPI", ratio("cpu_per_request", OURS, FASTAPI), "<= 0.2"),
    ("CPU per request, AWS sample / ours", ratio("cpu_per_request", SAMPLE, OURS), ">= 100"),
    ("CPU per request, MMS / ours", ratio("cpu_per_request", "MMS", OURS), ">= 100"),
    ("echo, p50 at 1 connection / nginx", ratio("p50_alone", ECHO, "nginx echo"), "<= 1.3"),
    ("p99 at 64 / AWS sample", ratio("p99", OURS, SAMPLE), "<= 0.02"),
    ("micro-batching, req/s / unbatched", ratio("per_second", "batched", "unbatched"), ">= 4"),
    (
        "micro-batching, lone request / unbatched",
        lambda found: found["lone"]["ratio"],
        "<= 1.05",
    ),
    ("start CPU / AWS sample", ratio("start_cpu", OURS, SAMPLE), "<= 0.083"),
    ("memory / AWS sample", ratio("pss", OURS, SAMPLE), "<= 0.33"),
    ("each further worker, MB", _further, "<= 15"),
    ("image site-packages, MB", lambda found: found["image"]["megabytes"], "<= 140"),
]


def lines(found: Mapping[str, Measured], missing: Mapping[str, str]) -> list[str]:
    """The whole table; what could not be measured stands in it with the reason.

    `missing` says why a server of `found`'s names is not there, or not in every round.
    """
    text = []
    for name, one in found.items():
        if "per_second" in one:
            text.append(
                f"{name:16} {one['per_second']:9.0f} req/s"
                f"  {one['cpu_per_request'] * 1e6:8.1f} us CPU"
                f"  p50 alone {one['p50_alone'] * 1e6:8.0f} us  p99 {one['p99'] * 1e3:8.2f} ms"
                f"  start {one['start_cpu']:5.2f} s CPU  {one['pss'] / 1024**2:6.1f} MB"
            )
    for name, reason in missing.items():
        rounds = "in some rounds" if name in found else "at all"
        text.append(f"{name:16} not measured {rounds}: {reason}")
    for name, compute, reach in ROWS:
        try:
            value = f"{compute(found):8.3f}"
        except KeyError as error:
            value = f"not measured ({error.args[0]})"
        text.append(f"{name:44} {value}  reach {reach}")
    return text
