"""Our inference server beside its peers: `python benchmarks/serving/compare.py [--seconds 5]`.

Every server runs with one worker on one core, the load on another, in turns, so that what else the
machine does meets all alike. Printed are ratios of medians over the rounds; the figures to reach
stand beside them. A server that cannot be measured stops nothing: its reason stands in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import peers
from figures import Measured, lines
from processes import Tree, running
from wrk import Load, load, needed, post_script

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 64
WARM_SECONDS = 60  # until a server answers; MMS is healthy long before its model is
ANSWER_SECONDS = 30  # of load until there is a number of answers to tell a median of


def main() -> None:
    """Measure, print, and write build/serving/results.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="servers by name, with commas between them")
    arguments = parser.parse_args()
    needed()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the server, one for the load")
    peers.prepare()
    found: dict[str, list[Measured]] = defaultdict(list)
    missing: dict[str, str] = {}
    only = {name for name in arguments.only.split(",") if name}
    measures = _measures(arguments.seconds)
    if unknown := only - measures.keys():
        parser.error(f"{', '.join(unknown)} is no server; allowed: {', '.join(measures)}")
    for number in range(1, arguments.rounds + 1):
        for name, measure in measures.items():
            if only and name not in only:
                continue
            print(f"round {number} of {arguments.rounds}: {name}", file=sys.stderr, flush=True)
            try:
                found[name].append(measure())
            except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
                missing[name] = _reason(error)
                print(f"not measured: {missing[name]}", file=sys.stderr, flush=True)
    medians = {
        name: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        for name, runs in found.items()
        if runs
    }
    (peers.BUILD / "results.json").write_text(json.dumps(medians, indent=1))
    print("\n".join(lines(medians, missing)))


def _measures(seconds: int) -> dict[str, Callable[[], Measured]]:
    """What one round measures, by the names that the table knows."""
    row = (peers.BUILD / "row.csv").read_text().strip()
    post = post_script(peers.BUILD / "post.lua", row)
    # LitServe and BentoML take JSON: the same row in an object.
    text = json.dumps({"text": row})
    post_json = post_script(peers.BUILD / "post_json.lua", text, "application/json")

    def of(make: Callable[[], peers.Peer], script: Path | None) -> Callable[[], Measured]:
        path = "/invocations" if script else "/ping"
        return lambda: _measure(make(), path, seconds, script)

    mlp = partial(peers.ours, peers.BUILD / "mlp")
    return {
        "nginx echo": of(peers.nginx, None),
        "ours echo": of(peers.ours, None),
        "ours": of(peers.ours, post),
        "FastAPI": of(peers.fastapi, post),
        "AWS sample": of(peers.aws_sample, post),
        "MMS": of(peers.mms, post),
        "LitServe": of(peers.litserve, post_json),
        "BentoML": of(peers.bentoml, post_json),
        "batched": of(partial(mlp, INFERENCE_MAX_BATCH="64"), post),
        "unbatched": of(partial(mlp, INFERENCE_MAX_BATCH="1"), post),
        "lone": lambda: _lone(seconds, post),
        "1 workers": lambda: _memory("1"),
        "3 workers": lambda: _memory("3"),
        "image": lambda: {"megabytes": peers.image_megabytes()},
    }


def _measure(peer: peers.Peer, path: str, seconds: int, script: Path | None) -> Measured:
    url = f"http://127.0.0.1:{peers.PORT}{path}"
    with running(peer.command, peer.environment, core=SERVER_CORE, port=peers.PORT) as (
        tree,
        start,
    ):
        _warm_up(peer, url, script)
        alone, _ = _loaded(peer, tree, url, 1, seconds, script)
        many, cpu = _loaded(peer, tree, url, CONNECTIONS, seconds, script)
        return {
            "start_cpu": start,
            "pss": tree.pss_bytes(),
            "cpu_per_request": cpu / many.requests,
            "per_second": many.per_second,
            "p50_alone": alone.p50,
            "p99": many.p99,
        }


def _lone(pairs: int, script: Path) -> Measured:
    """What a lone request takes where others could be its company, over where none could.

    Some microseconds are to be told apart: both servers run, and are asked for a second each, one
    first and then the other first. Each pair meets the machine in one state and gives one ratio.
    """
    with ExitStack() as stack:
        urls = []
        for port, most in ((peers.PORT, "64"), (peers.PORT + 1, "1")):
            peer = peers.ours(
                peers.BUILD / "mlp", INFERENCE_MAX_BATCH=most, SAGEMAKER_BIND_TO_PORT=str(port)
            )
            server = running(peer.command, peer.environment, core=SERVER_CORE, port=port)
            stack.enter_context(server)
            urls.append(f"http://127.0.0.1:{port}/invocations")
            _warm_up(peer, urls[-1], script)
        ratios = []
        for number in range(pairs):
            order = urls if number % 2 else urls[::-1]
            times = {url: _p50_alone(url, script) for url in order}
            ratios.append(times[urls[0]] / times[urls[1]])
        return {"ratio": statistics.median(ratios), "pairs": pairs}


def _p50_alone(url: str, script: Path) -> float:
    one = load(url, connections=1, seconds=1, core=LOAD_CORE, script=script)
    if one.bad:
        raise RuntimeError(f"{one.bad} of {one.requests} lone requests failed")
    return one.p50


def _warm_up(peer: peers.Peer, url: str, script: Path | None) -> None:
    """The server has answered, and faultlessly."""
    last = "no answer"
    for _ in range(WARM_SECONDS):
        try:
            one = load(url, connections=8, seconds=1, core=LOAD_CORE, script=script)
        except RuntimeError as error:
            last = str(error)
            continue
        if one.requests and not one.bad:
            return
        last = f"{one.requests} answers, {one.bad} of them faults"
    raise RuntimeError(f"{peer.name} does not answer in {WARM_SECONDS} s: {last}")


def _loaded(
    peer: peers.Peer, tree: Tree, url: str, connections: int, seconds: int, script: Path | None
) -> tuple[Load, float]:
    """A load whose every answer was right, and its CPU seconds.

    It takes longer for a server that is too slow for each client to get an answer in its time.
    """
    while True:
        before = tree.cpu_seconds()
        one = load(url, connections=connections, seconds=seconds, core=LOAD_CORE, script=script)
        if one.bad:
            raise RuntimeError(f"{peer.name} failed {one.bad} of {one.requests} requests")
        if one.requests >= connections:
            return one, tree.cpu_seconds() - before
        if seconds >= ANSWER_SECONDS:
            raise RuntimeError(f"{peer.name} gave {one.requests} answers in {seconds} s")
        seconds = min(ANSWER_SECONDS, 2 * seconds)


def _memory(workers: str) -> Measured:
    peer = peers.ours(SAGEMAKER_MODEL_SERVER_WORKERS=workers)
    with running(peer.command, peer.environment, core=SERVER_CORE, port=peers.PORT) as (tree, _):
        url = f"http://127.0.0.1:{peers.PORT}/invocations"
        post = peers.BUILD / "post.lua"
        load(url, connections=CONNECTIONS, seconds=1, core=LOAD_CORE, script=post)
        return {"pss": tree.pss_bytes(), "processes": len(tree.pids())}


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return (text.strip().splitlines() or [type(error).__name__])[-1][:200]


if __name__ == "__main__":
    main()
