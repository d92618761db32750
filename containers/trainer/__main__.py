"""`python -m trainer train`: what SageMaker runs."""

from __future__ import annotations

import sys

from training_job import program
from training_job.paths import Paths


def main(arguments: list[str]) -> int:
    """Run the job of this machine's `/opt/ml`; 0 when a model was left, 1 with a failure file."""
    return program.run("trainer", arguments, _train, smaller="max_bin or max_depth")


def _train(paths: Paths) -> int:
    stop = program.stop_on_sigterm("round")
    # Slow to import: not before the signal is heard.
    from trainer import job

    job.run(paths, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
