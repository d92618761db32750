"""One app synthesised: `python benchmarks/synth/run.py <ours|handwritten> <endpoints> <folder>`."""

from __future__ import annotations

import importlib
import sys

from aws_cdk import App


def main(app_name: str, endpoints: int, folder: str) -> None:
    """The assembly lies in the folder."""
    add = importlib.import_module(app_name).add
    app = App(outdir=folder, analytics_reporting=False, stack_traces=False)
    for number in range(endpoints):
        add(app, number)
    app.synth()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
