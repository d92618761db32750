"""AWS's own images, and the programs that stand in for them here.

A stand-in speaks the image's contract and serves real models; it is not the image. What has no
stand-in is refused by name, so that nobody mistakes silence for support.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from local_aws.runtime.containers import Launch, RuntimeFailure

STANDINS = Path(__file__).with_name("standins")


@dataclass(frozen=True, kw_only=True, slots=True)
class StandIn:
    """A program, and the container environments that hold what it imports, best first."""

    program: str
    environments: tuple[str, ...]
    needs: str
    install: str = "make install"
    cluster: bool = False  # one process stands in for all instances of a job


_STAND_INS = {
    "sagemaker-xgboost": StandIn(
        program="xgboost_server.py",
        environments=("trainer", "inference_server"),
        needs="xgboost",
    ),
    "sagemaker-spark-processing": StandIn(
        program="bin/smspark-submit",
        environments=("spark",),
        needs="pyspark",
        install="make spark",
        cluster=True,
    ),
}


def known() -> list[str]:
    """Return the repositories of AWS's images that have a stand-in."""
    return sorted(_STAND_INS)


def resolve(repository: str, tag: str, *, root: Path) -> Launch:
    """Return how the stand-in of an AWS image runs; RuntimeFailure when there is none."""
    stand_in = _STAND_INS.get(repository)
    if stand_in is None:
        raise RuntimeFailure(
            f"the local AWS has no stand-in for the AWS image {repository}:{tag}; known:"
            f" {', '.join(known())}. Use an image of your own, or deploy this one to AWS"
        )
    for name in stand_in.environments:
        environment = root / ".venvs" / name
        if any(environment.glob(f"lib/python3.*/site-packages/{stand_in.needs}")):
            program = STANDINS / stand_in.program
            return Launch(
                argv=("python", str(program)),
                env={
                    "PATH": f"{STANDINS / 'bin'}:{environment / 'bin'}"
                    ":/usr/local/bin:/usr/bin:/bin",
                    "VIRTUAL_ENV": str(environment),
                },
                cwd=None,
                folder=STANDINS,
                cluster=stand_in.cluster,
            )
    raise RuntimeFailure(
        f"the stand-in for {repository} needs {stand_in.needs}, which none of"
        f" {', '.join('.venvs/' + name for name in stand_in.environments)} holds: run"
        f" `{stand_in.install}`"
    )
