"""From an image URI to the process that stands for it, or the container of an engine."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import adapter
from local_aws.runtime import engine, managed_images
from local_aws.runtime.containers import Launch, RuntimeFailure

REPOSITORY_ROOT = Path(__file__).resolve().parents[2]
ANNOTATION_CONTAINER = "sagemaker-workflow.container"
ANNOTATION_ENTRYPOINT = "sagemaker-workflow.entrypoint"
ANNOTATION_HASH = "sagemaker-workflow.context-hash"
_MANIFEST_TYPES = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]
_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+)"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)(?::(?P<tag>[\w][\w.-]*))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageUri:
    """The parts of `{account}.dkr.ecr.{region}.{suffix}/{repository}:{tag}` (contracts, head)."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None


def parse(image_uri: str) -> ImageUri:
    """Return the parts of an ECR image URI; RuntimeFailure when it is something else."""
    match = _URI.fullmatch(image_uri)
    if match is None:
        raise RuntimeFailure(
            f"image {image_uri!r} is not an ECR image: SageMaker takes"
            " <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
        )
    parts = match.groupdict()
    digest = parts["digest"]
    tag = parts["tag"] or (None if digest else "latest")
    return ImageUri(
        account=parts["account"],
        region=parts["region"],
        repository=parts["repository"],
        tag=tag,
        digest=digest,
    )


def resolve(image_uri: str, role_arn: str) -> Launch:
    """Return how `image_uri` runs here, looked up with the execution role's own permissions."""
    uri = parse(image_uri)
    if uri.account != adapter.account():
        return managed_images.resolve(uri.repository, uri.tag or "", root=REPOSITORY_ROOT)
    annotations = _manifest(image_uri, uri, role_arn).get("annotations") or {}
    container = annotations.get(ANNOTATION_CONTAINER)
    if not container:
        raise RuntimeFailure(
            f"image {image_uri} carries no annotation {ANNOTATION_CONTAINER}, so there is no"
            " folder in containers/ to run it from: put it into the local repository with"
            " `make local`"
        )
    if (asked_for := engine.chosen()) is not None:
        folder = _folder(container, REPOSITORY_ROOT)
        context_hash = str(annotations.get(ANNOTATION_HASH, ""))
        oci = engine.image(asked_for, image_uri, folder, context_hash)
        return Launch(argv=(), env={}, cwd=None, folder=folder, oci=oci)
    entrypoint = json.loads(annotations.get(ANNOTATION_ENTRYPOINT, "[]"))
    if not isinstance(entrypoint, list) or not entrypoint:
        raise RuntimeFailure(
            f"image {image_uri} has no exec-form ENTRYPOINT in {ANNOTATION_ENTRYPOINT}: without one"
            " signals would not reach the process"
        )
    return launch_folder(container, [str(word) for word in entrypoint])


def launch_folder(container: str, entrypoint: list[str], *, root: Path | None = None) -> Launch:
    """Return how `containers/<container>` runs, with the interpreter of its own environment."""
    root = root or REPOSITORY_ROOT
    folder = _folder(container, root)
    return Launch(
        argv=tuple(entrypoint),
        env=environment(container, root=root),
        cwd=None,
        folder=folder,
    )


def _folder(container: str, root: Path) -> Path:
    folder = root / "containers" / container
    if not re.fullmatch(r"[a-z0-9_]+", container) or not folder.is_dir():
        raise RuntimeFailure(f"image names container {container!r}, but there is no {folder.name!r}"
                             " in containers/")  # fmt: skip
    return folder


def environment(container: str, *, root: Path) -> dict[str, str]:
    """Return PATH and PYTHONPATH that make `python` mean the container's own environment."""
    bin_folder = root / ".venvs" / container / "bin"
    if not (bin_folder / "python").exists():
        raise RuntimeFailure(
            f"the environment of container {container!r} is missing (.venvs/{container}): run"
            " `make install`"
        )
    return {
        "PATH": f"{bin_folder}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(root / "containers"),
        "VIRTUAL_ENV": str(bin_folder.parent),
    }


def _manifest(image_uri: str, uri: ImageUri, role_arn: str) -> dict[str, Any]:
    image_id = {"imageDigest": uri.digest} if uri.digest else {"imageTag": uri.tag}
    try:
        answer = adapter.client("ecr", role_arn=role_arn).batch_get_image(
            repositoryName=uri.repository, imageIds=[image_id], acceptedMediaTypes=_MANIFEST_TYPES
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "RepositoryNotFoundException":
            raise RuntimeFailure(
                f"image {image_uri}: there is no repository {uri.repository!r} in account"
                f" {uri.account}, {uri.region}"
            ) from error
        raise RuntimeFailure(
            f"image {image_uri} cannot be pulled with role {role_arn}:"
            f" {error.response['Error'].get('Message', error)}"
        ) from error
    except BotoCoreError as error:
        raise RuntimeFailure(f"image {image_uri} cannot be pulled: {error}") from error
    images = answer.get("images") or []
    if not images:
        raise RuntimeFailure(
            f"image {image_uri} is not in repository {uri.repository!r}: push it, or deploy with a"
            " tag that exists"
        )
    manifest: dict[str, Any] = json.loads(images[0]["imageManifest"])
    return manifest
