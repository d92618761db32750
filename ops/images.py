"""Refresh the lock files that synth reads: AWS-managed image URIs, instance types and their GPUs.

`python -m ops.images refresh` writes them beside the constructs; `python -m ops.images check` says
whether they still are what the installed SDK and botocore say, and exits 1 when not. Both work
offline. A digest already in the lock is kept while its URI is the same; a new one is written
`unresolved`, for only a registry can tell it: `python -m ops.images pin` asks, for the base images
of the Dockerfiles as well. `pin bases` and `pin managed` are its halves.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from ops import digests
from ops.errors import OpsError

LIBRARY = Path(__file__).resolve().parents[1] / "constructs" / "sagemaker_workflow"
IMAGES = LIBRARY / "images.lock.json"
INSTANCE_TYPES = LIBRARY / "instance_types.lock.json"
GPUS = LIBRARY / "gpus.lock.json"
REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1")
UNRESOLVED = "unresolved"

# An instance type stands for the processor: the SDK picks the image by it.
_INSTANCE = {"cpu": "ml.m5.xlarge", "gpu": "ml.g5.xlarge"}
_SPELT = {"ml.g5n.xlarge": "ml.g5.xlarge"}
_ENUMS = {
    "hosting": "ProductionVariantInstanceType",
    "transform": "TransformInstanceType",
    "training": "TrainingInstanceType",
    "processing": "ProcessingInstanceType",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One managed image the workflow can use."""

    framework: str
    version: str
    scopes: tuple[str, ...] = ("inference",)
    processors: tuple[str, ...] = ("cpu",)
    python: str | None = None
    base: str | None = None
    container: str | None = None  # of images whose tag has a version of its own


WANTED = (
    Wanted(framework="xgboost", version="3.2-0", scopes=("inference", "training")),
    Wanted(framework="xgboost", version="1.7-1", scopes=("inference", "training")),
    Wanted(framework="sklearn", version="1.9-0", scopes=("inference", "training")),
    Wanted(
        framework="pytorch", version="2.6.0", scopes=("inference", "training"),
        processors=("cpu", "gpu"), python="py312",
    ),
    Wanted(
        framework="pytorch", version="2.10.0", scopes=("training",),
        processors=("cpu", "gpu"), python="py313",
    ),
    Wanted(framework="djl-lmi", version="0.38.0", processors=("gpu",)),
    Wanted(framework="djl-lmi", version="0.33.0", processors=("gpu",)),
    Wanted(framework="djl-tensorrtllm", version="0.33.0", processors=("gpu",)),
    Wanted(framework="vllm", version="0.30.0", processors=("gpu",), python="py312"),
    Wanted(
        framework="huggingface", version="4.51.3", processors=("cpu", "gpu"),
        python="py312", base="pytorch2.6.0",
    ),
    Wanted(
        framework="huggingface", version="4.56.2", scopes=("training",), processors=("gpu",),
        python="py312", base="pytorch2.8.0",
    ),
    Wanted(
        framework="spark", version="3.5", scopes=("processing",), python="py312", container="v1.0",
    ),
)  # fmt: skip


def images(previous: dict[str, Any]) -> dict[str, Any]:
    """The image lock as the installed SDK would have it; known digests are carried over."""
    digests = {
        entry["uri"]: entry["digest"]
        for image in previous.get("images", [])
        for entry in image["regions"].values()
    }
    return {
        "format": 1,
        "source": f"sagemaker-core {metadata.version('sagemaker-core')}",
        "images": [_locked(*one, digests) for one in _each()],
    }


def instance_types() -> dict[str, Any]:
    """Every instance type the service model knows, by what it can be used for."""
    import botocore

    folder = Path(botocore.__file__).parent / "data" / "sagemaker" / "2017-07-24"
    packed = folder / "service-2.json.gz"
    raw = gzip.decompress(packed.read_bytes()) if packed.is_file() else None
    model = json.loads(raw if raw is not None else (folder / "service-2.json").read_bytes())
    return {
        "format": 2,
        "source": f"botocore {metadata.version('botocore')}",
        "types": {use: sorted(model["shapes"][shape]["enum"]) for use, shape in _ENUMS.items()},
        "regions_source": f"cfn-lint {metadata.version('cfn-lint')}, from AWS's price lists",
        "regions": {use: _regions(use) for use in ("hosting", "transform", "processing")},
    }


def _regions(use: str) -> dict[str, str]:
    """Instance type -> the regions whose price list has it for this use, in one line.

    cfn-lint keeps these tables for rules of its own; it has none for training. A type that no
    region lists is left out: nothing is known of it.
    """
    file = f"data/schemas/extensions/aws_sagemaker_{use}/instancetype_enum.json"
    table = json.loads((resources.files("cfnlint") / file).read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for region, schema in sorted(table.items()):
        for instance_type in schema["enum"] if isinstance(schema, dict) else ():
            found.setdefault(instance_type, []).append(region)
    return {one: " ".join(found[one]) for one in sorted(found)}


def gpus() -> dict[str, Any]:
    """GPUs and their memory by hosting instance type, as the SDK's own table has them.

    The table repeats itself for 30 regions and spells g5.xlarge `g5n.xlarge`; a type it gives
    different figures for in different regions would be no fact of the type, and is refused.
    """
    from sagemaker.core import image_uris

    table = Path(image_uris.__file__).parent / "image_uri_config" / "instance_gpu_info.json"
    found: dict[str, dict[str, int]] = {}
    for region in json.loads(table.read_text(encoding="utf-8")).values():
        for name, gpu in region.items():
            one = {"count": gpu["Count"], "memory_mib": gpu["TotalGpuMemoryInMiB"]}
            if found.setdefault(_SPELT.get(name, name), one) != one:
                raise ValueError(f"{name} has other GPUs in other regions: {one}")
    hosting = set(instance_types()["types"]["hosting"])
    return {
        "format": 1,
        "source": f"sagemaker-core {metadata.version('sagemaker-core')}, instance_gpu_info.json",
        "types": {name: found[name] for name in sorted(found) if name in hosting},
    }


def _each() -> Iterator[tuple[Wanted, str, str]]:
    for wanted in WANTED:
        for scope in wanted.scopes:
            for processor in wanted.processors:
                yield wanted, scope, processor


def _locked(wanted: Wanted, scope: str, processor: str, digests: dict[str, str]) -> dict[str, Any]:
    regions = {}
    for region in REGIONS:
        uri = _retrieve(wanted, scope, processor, region)
        regions[region] = {"uri": uri, "digest": digests.get(uri, UNRESOLVED)}
    return {
        "framework": wanted.framework,
        "version": wanted.version,
        "scope": scope,
        "processor": processor,
        "regions": regions,
    }


def _retrieve(wanted: Wanted, scope: str, processor: str, region: str) -> str:
    from sagemaker.core import image_uris  # 3 s to import: only where it is used

    # Some frameworks have one scope only and refuse to be told it twice.
    extra = {} if wanted.framework.startswith("djl-") else {"image_scope": scope}
    return str(
        image_uris.retrieve(
            wanted.framework,
            region,
            version=wanted.version,
            py_version=wanted.python,
            instance_type=_INSTANCE[processor],
            base_framework_version=wanted.base,
            container_version=wanted.container,
            **extra,
        )
    )


def _pin(half: str | None) -> int:
    """Digests are where builds and synth read them; 1 and a sentence when one could not be had."""
    halves = {
        "bases": digests.pin_bases(LIBRARY.parents[1], digests.of_registry),
        "managed": digests.pin_managed(IMAGES, digests.of_ecr),
    }
    try:
        for line in halves[half] if half else itertools.chain(*halves.values()):
            sys.stdout.write(f"{line}\n")
    except OpsError as fault:
        fix = f"what to do: {fault.fix}\n" if fault.fix else ""
        sys.stderr.write(f"error: {fault.message}\n{fix}")
        return 1
    return 0


def _text(lock: dict[str, Any]) -> str:
    return json.dumps(lock, indent=1) + "\n"


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done or up to date, 1 the lock is behind."""
    parser = argparse.ArgumentParser(prog="python -m ops.images", description=__doc__)
    parser.add_argument("command", choices=("refresh", "check", "pin"))
    parser.add_argument("half", nargs="?", choices=("bases", "managed"), help="of pin")
    options = parser.parse_args(arguments)
    command = options.command
    if command == "pin":
        return _pin(options.half)
    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    behind = False
    locks = (
        (IMAGES, images(_read(IMAGES))),
        (INSTANCE_TYPES, instance_types()),
        (GPUS, gpus()),
    )
    for path, lock in locks:
        text = _text(lock)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        behind = True
        if command == "refresh":
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'wrote' if command == 'refresh' else 'is behind:'} {path.name}\n")
    return int(behind and command == "check")


if __name__ == "__main__":
    raise SystemExit(main())
