"""`python -m local_aws serve`: the AWS of this machine, in the foreground."""

import argparse
import logging
import sys
from pathlib import Path

from local_aws.adapter import Settings
from local_aws.server import StartError, run


def main(arguments: list[str] | None = None) -> int:
    """The exit code; 1 when no server could be started."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s [%(name)s] %(message)s",
    )
    settings = Settings(
        port=given.port,
        state_dir=given.state.resolve(),
        enforce=given.enforce,
        time_factor=given.time_factor,
    )
    try:
        run(settings)
    except StartError as reason:
        print(reason, file=sys.stderr)  # noqa: T201 - this is the command's answer
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_aws", description=__doc__)
    serve = parser.add_subparsers(dest="command", required=True).add_parser(
        "serve", help="serve until SIGTERM or Ctrl-C"
    )
    serve.add_argument("--port", type=int, default=4566, help="port of 127.0.0.1 (4566)")
    serve.add_argument(
        "--state",
        type=Path,
        default=Path("build/local-aws"),
        help="folder of this server; DIR/server.json appears when it is ready",
    )
    serve.add_argument(
        "--enforce", action="store_true", help="check signatures and IAM policies as AWS does"
    )
    serve.add_argument(
        "--time-factor",
        type=_factor,
        default=1.0,
        metavar="N",
        help="shorten bake times, cooldowns, lifetimes and alarm periods N times",
    )
    return parser


def _factor(text: str) -> float:
    value = float(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, is {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
