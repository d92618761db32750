"""Our inference server beside its peers: `python benchmarks/serving/compare.py [--seconds 5]`.

Every server runs with one worker on one core, the load on another, in turns, so that what else the
machine does meets all alike. Printed are ratios of medians over the rounds; the figures to reach
stand beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import peers
from processes import running
from wrk import Load, load, needed, post_script

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 64
Measured = dict[str, float]


def main() -> None:
    """Measure, print, and write build/serving/results.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    needed()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the server, one for the load")
    peers.prepare()
    found: dict[str, list[Measured]] = defaultdict(list)
    row = (peers.BUILD / "row.csv").read_text().strip()
    post = post_script(peers.BUILD / "post.lua", row)
    # LitServe and BentoML take JSON: the same row in an object.
    text = json.dumps({"text": row})
    post_json = post_script(peers.BUILD / "post_json.lua", text, "application/json")
    mlp = peers.BUILD / "mlp"
    for number in range(1, arguments.rounds + 1):
        print(f"round {number} of {arguments.rounds}", flush=True)
        seconds = arguments.seconds
        for peer in (peers.nginx(), peers.ours()):
            found[f"{peer.name} echo"].append(_measure(peer, "/ping", seconds, None))
        for peer in (peers.ours(), peers.fastapi(), peers.aws_sample()):
            found[peer.name].append(_measure(peer, "/invocations", seconds, post))
        for peer, script in (
            (peers.mms(), post),
            (peers.litserve(), post_json),
            (peers.bentoml(), post_json),
        ):
            found[peer.name].append(_measure(peer, "/invocations", seconds, script))
        for name, most in (("batched", "64"), ("unbatched", "1")):
            peer = peers.ours(mlp, INFERENCE_MAX_BATCH=most)
            found[name].append(_measure(peer, "/invocations", seconds, post))
        for workers in ("1", "3"):
            found[f"{workers} workers"].append(
                _memory(peers.ours(SAGEMAKER_MODEL_SERVER_WORKERS=workers))
            )
    medians = {
        name: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        for name, runs in found.items()
    }
    medians["image"] = {"megabytes": peers.image_megabytes()}
    (peers.BUILD / "results.json").write_text(json.dumps(medians, indent=1))
    _print(medians)


def _measure(peer: peers.Peer, path: str, seconds: int, script: Path | None) -> Measured:
    url = f"http://127.0.0.1:{peers.PORT}{path}"
    with running(peer.command, peer.environment, core=SERVER_CORE, port=peers.PORT) as (
        tree,
        start,
    ):
        # Also until a peer that is healthy before it has a model has one.
        for _ in range(20):
            if not load(url, connections=8, seconds=1, core=LOAD_CORE, script=script).bad:
                break
        alone = load(url, connections=1, seconds=seconds, core=LOAD_CORE, script=script)
        before = tree.cpu_seconds()
        many = load(url, connections=CONNECTIONS, seconds=seconds, core=LOAD_CORE, script=script)
        cpu = tree.cpu_seconds() - before
        _no_faults(peer, alone, many)
        return {
            "start_cpu": start,
            "pss": tree.pss_bytes(),
            "cpu_per_request": cpu / many.requests,
            "per_second": many.per_second,
            "p50_alone": alone.p50,
            "p99": many.p99,
        }


def _memory(peer: peers.Peer) -> Measured:
    with running(peer.command, peer.environment, core=SERVER_CORE, port=peers.PORT) as (tree, _):
        url = f"http://127.0.0.1:{peers.PORT}/invocations"
        post = peers.BUILD / "post.lua"
        load(url, connections=CONNECTIONS, seconds=1, core=LOAD_CORE, script=post)
        return {"pss": tree.pss_bytes(), "processes": len(tree.pids())}


def _no_faults(peer: peers.Peer, *loads: Load) -> None:
    if not all(one.requests for one in loads):
        raise RuntimeError(f"{peer.name} answered nothing in the time given; give more --seconds")
    bad = sum(one.bad for one in loads)
    if bad:
        raise RuntimeError(f"{peer.name} failed {bad} requests; its figures mean nothing")


def _print(found: dict[str, Measured]) -> None:
    for name, one in found.items():
        if "per_second" in one:
            print(
                f"{name:16} {one['per_second']:9.0f} req/s"
                f"  {one['cpu_per_request'] * 1e6:8.1f} us CPU"
                f"  p50 alone {one['p50_alone'] * 1e6:8.0f} us  p99 {one['p99'] * 1e3:8.2f} ms"
                f"  start {one['start_cpu']:5.2f} s CPU  {one['pss'] / 1024**2:6.1f} MB"
            )
    echo, base = found["ours echo"], found["nginx echo"]
    ours, fast, sample = found["ours"], found["FastAPI"], found["AWS sample"]
    further = (found["3 workers"]["pss"] - found["1 workers"]["pss"]) / 2 / 1024**2
    rows = [
        (
            "echo, CPU per request / nginx",
            echo["cpu_per_request"] / base["cpu_per_request"],
            "<= 1.5",
        ),
        ("req/s with the model / AWS sample", ours["per_second"] / sample["per_second"], ">= 100"),
        (
            "req/s with the model / MMS",
            ours["per_second"] / found["MMS"]["per_second"],
            ">= 100",
        ),
        *(
            (f"req/s with the model / {name}", ours["per_second"] / found[name]["per_second"], "-")
            for name in ("LitServe", "BentoML")
        ),
        ("req/s with the model / FastAPI", ours["per_second"] / fast["per_second"], ">= 5"),
        ("CPU per request / FastAPI", ours["cpu_per_request"] / fast["cpu_per_request"], "<= 0.2"),
        ("echo, p50 at 1 connection / nginx", echo["p50_alone"] / base["p50_alone"], "<= 1.3"),
        ("p99 at 64 / AWS sample", ours["p99"] / sample["p99"], "<= 0.02"),
        (
            "micro-batching, req/s / unbatched",
            found["batched"]["per_second"] / found["unbatched"]["per_second"],
            ">= 4",
        ),
        (
            "micro-batching, lone request / unbatched",
            found["batched"]["p50_alone"] / found["unbatched"]["p50_alone"],
            "<= 1.05",
        ),
        ("start CPU / AWS sample", ours["start_cpu"] / sample["start_cpu"], "<= 0.083"),
        ("memory / AWS sample", ours["pss"] / sample["pss"], "<= 0.33"),
        ("each further worker, MB", further, "<= 15"),
        ("image site-packages, MB", found["image"]["megabytes"], "<= 140"),
    ]
    for name, value, reach in rows:
        print(f"{name:44} {value:8.3f}  reach {reach}")


if __name__ == "__main__":
    main()
