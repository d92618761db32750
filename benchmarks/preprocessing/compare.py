"""Our preprocessing beside pandas and polars: `python benchmarks/preprocessing/compare.py`.

All three parse, clean, impute, encode, split, describe and write the same table, each in a process
of its own, in turns. Printed are ratios of wall time, CPU time (user and system) and peak memory,
the figures to reach beside them; and what importing costs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "preprocessing"
PEERS = {"ours": "ours.py", "pandas": "pandas_peer.py", "polars eager": "polars_peer.py"}
IMPORTS = {
    "the function": "import preprocess.handler as h; h.s3()",
    "the function and polars": "import preprocess.handler as h, preprocess.run; h.s3()",
    "polars + boto3 client": "import polars, boto3; boto3.client('s3')",
}
Measured = dict[str, float]


def main() -> None:
    """Measure, print, and write build/preprocessing/results.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=950)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    python = _installed()
    small, large = _table(python, arguments.megabytes // 10), _table(python, arguments.megabytes)
    imports = {name: _import(code) for name, code in IMPORTS.items()}
    found: dict[str, list[Measured]] = {name: [] for name in PEERS}
    for _ in range(arguments.rounds):
        for name, script in PEERS.items():
            found[name].append(_run([str(python), str(HERE / script), str(large)]))
    medians = {
        name: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        for name, runs in found.items()
    }
    tenth = _run([str(python), str(HERE / "ours.py"), str(small)])
    ours, pandas, polars = (medians[name] for name in PEERS)
    figures = {
        "wall / pandas (<= 0.28)": ours["wall"] / pandas["wall"],
        "CPU / polars eager (<= 0.9)": ours["cpu"] / polars["cpu"],
        "peak memory / pandas (<= 0.1)": ours["peak"] / pandas["peak"],
        "peak memory / that of a tenth of the table (<= 1.2)": ours["peak"] / tenth["peak"],
        "import CPU / polars + boto3 client (<= 0.5)": imports["the function"]
        / imports["polars + boto3 client"],
        "the same with polars imported": imports["the function and polars"]
        / imports["polars + boto3 client"],
        "MB/s": large.stat().st_size / 1e6 / ours["wall"],
    }
    print(f"{large.stat().st_size / 1e6:,.0f} MB of CSV, {os.cpu_count()} cores")
    for name, one in {**medians, "ours, a tenth": tenth}.items():
        print(f"{name:16}{one['wall']:8.2f} s {one['cpu']:8.2f} s CPU {one['peak']:8.0f} MB")
    for name, seconds in imports.items():
        print(f"import {name:28}{seconds:8.3f} s CPU")
    for name, figure in figures.items():
        print(f"{name:55}{figure:8.3f}")
    results = {"medians": medians, "tenth": tenth, "imports": imports, "figures": figures}
    (BUILD / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def _installed() -> Path:
    python, stamp = BUILD / "venv" / "bin" / "python", BUILD / "requirements.txt"
    requirements = HERE / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        BUILD.mkdir(parents=True, exist_ok=True)
        uv, base = ROOT / ".venv/bin/uv", ROOT / ".venv/bin/python"
        if not python.exists():
            subprocess.run([uv, "venv", "-q", "--python", base, BUILD / "venv"], check=True)
        install = [uv, "pip", "sync", "-q", "--compile-bytecode", "--python", python]
        subprocess.run([*install, "--require-hashes", requirements], check=True)
        stamp.write_bytes(requirements.read_bytes())
    return python


def _table(python: Path, megabytes: int) -> Path:
    path = BUILD / f"table-{megabytes}.csv"
    if not path.exists():
        part = path.with_suffix(".part")
        code = (
            "import sys, pathlib, table; table.write(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
        )
        subprocess.run([python, "-c", code, part, str(megabytes)], cwd=HERE, check=True)
        part.replace(path)
    return path


def _run(command: list[str]) -> Measured:
    with tempfile.TemporaryDirectory(dir=BUILD) as out:
        return _measured([*command, out])


def _measured(command: list[str], **environment: str) -> Measured:
    # All have their modules compiled, as pip installs them: by the first run where not before.
    environment["PYTHONDONTWRITEBYTECODE"] = ""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, cwd=HERE, env={**os.environ, **environment}
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[1]} failed ({process.returncode})")
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes here
    return {
        "wall": time.perf_counter() - started,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / unit,
    }


def _import(code: str) -> float:
    python = str(ROOT / ".venv/bin/python")
    environment = {
        "PYTHONPATH": str(ROOT / "lambda"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    return min(_measured([python, "-c", code], **environment)["cpu"] for _ in range(4))


if __name__ == "__main__":
    main()
