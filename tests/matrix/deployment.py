"""One stack that rows deploy, one after the other, through the real CDK CLI."""

from __future__ import annotations

import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shape import Shape
from support import cdk_cli
from support.local_aws_server import LocalAws
from support.pushed_image import push

HERE = Path(__file__).parent
BUCKET = "matrix-artifacts"
VERSIONS = ("one", "two", "slow", "stuck")
IMAGES = ("one", "two")
TIME_FACTOR = 30
_PATIENCE_SECONDS = 60.0


@dataclass(kw_only=True)
class Deployment:
    """A local AWS with archives, images, and a stack per family of rows."""

    aws: LocalAws
    folder: Path
    deployed: dict[str, Shape] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Deployment]:
        with LocalAws.started(folder / "aws", time_factor=TIME_FACTOR) as aws:
            made = cls(aws=aws, folder=folder)
            aws.client("s3").create_bucket(Bucket=BUCKET)
            for version in VERSIONS:
                aws.client("s3").upload_file(
                    str(_archive(folder, version)), BUCKET, f"{version}/model.tar.gz"
                )
            for tag in IMAGES:
                push(
                    aws,
                    "matrix/inference_server",
                    tag,
                    container="inference_server",
                    environment={"IMAGE": tag},
                )
            cdk_cli.bootstrap(aws, folder)
            yield made

    def is_at(self, shape: Shape) -> None:
        """The stack is in this state; nothing is deployed when it is already."""
        if self.deployed.get(shape.family) != shape:
            done = self.deploy(shape)
            assert done.returncode == 0, done.stdout + done.stderr + self.aws.log[-3000:]

    def deploy(self, shape: Shape) -> subprocess.CompletedProcess[str]:
        """What the CLI said of bringing the stack to this state."""
        done = cdk_cli.cdk(
            self.aws,
            self.folder,
            *("deploy", "--app", cdk_cli.app(HERE / "app.py")),
            *("--require-approval", "never", "--output", str(self.folder / "out")),
            environment={"SHAPE": shape.to_json(), "STACK": stack(shape)},
        )
        if done.returncode == 0:
            self.deployed[shape.family] = shape
        return done

    def scaled_to(self, shape: Shape, count: int, *, within: float = _PATIENCE_SECONDS) -> None:
        """The load has brought it to this many instances or copies, and it is at rest there."""
        deadline = time.monotonic() + within
        while (self.count(shape), self.resting(shape)) != (count, True):
            assert time.monotonic() < deadline, (
                f"not at {count} within {within:g} s: {self.endpoint(shape)}"
            )
            time.sleep(0.1)

    def endpoint(self, shape: Shape) -> dict[str, Any]:
        found = self.aws.client("sagemaker").describe_endpoint(EndpointName=shape.name)
        return dict(found)

    def endpoints(self) -> list[str]:
        listed = self.aws.client("sagemaker").list_endpoints()["Endpoints"]
        return [one["EndpointName"] for one in listed]

    def component(self, shape: Shape) -> dict[str, Any]:
        found = self.aws.client("sagemaker").describe_inference_component(
            InferenceComponentName=shape.component
        )
        return dict(found)

    def count(self, shape: Shape) -> int | None:
        """Instances of the first variant, or copies of the component."""
        if shape.kind == "components":
            return int(self.component(shape)["RuntimeConfig"]["CurrentCopyCount"])
        found = self.endpoint(shape)["ProductionVariants"][0].get("CurrentInstanceCount")
        return None if found is None else int(found)

    def shadows(self, shape: Shape) -> list[str]:
        """The variants that get copies of the requests."""
        found = self.endpoint(shape).get("ShadowProductionVariants", [])
        return [one["VariantName"] for one in found]

    def resting(self, shape: Shape) -> bool:
        """Whether nothing is being changed."""
        statuses = [self.endpoint(shape)["EndpointStatus"]]
        if shape.kind == "components":
            statuses.append(self.component(shape)["InferenceComponentStatus"])
        return set(statuses) == {"InService"}

    def configured(self, config: str) -> int | None:
        """How many instances an endpoint config asks for at the start."""
        found = self.aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=config)
        count = found["ProductionVariants"][0].get("InitialInstanceCount")
        return None if count is None else int(count)

    def status(self, shape: Shape) -> str:
        [found] = self.aws.client("cloudformation").describe_stacks(StackName=stack(shape))[
            "Stacks"
        ]
        return str(found["StackStatus"])

    def physical(self, shape: Shape) -> dict[str, tuple[str, str]]:
        """The stack's resources: type and physical id, by logical id."""
        found = self.aws.client("cloudformation").describe_stack_resources(StackName=stack(shape))
        return {
            one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"])
            for one in found["StackResources"]
        }


def stack(shape: Shape) -> str:
    return f"matrix-{shape.family}"


def _archive(folder: Path, version: str) -> Path:
    packed = folder / f"{version}.tar.gz"
    text = folder / "version.txt"
    text.write_text(version)
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(text, "version.txt")
        archive.add(HERE / "served/inference.py", "code/inference.py")
    return packed
