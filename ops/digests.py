"""Digests of images, as their registries tell them: written where builds and synth read them.

A base image's goes into the Dockerfile behind its tag (`ARG BASE=python:3.11@sha256:...`), an
AWS-managed one's into images.lock.json. What no registry told stays as it is: nothing is invented.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from sagemaker_workflow.build_context import base_of
from sagemaker_workflow.managed_images import UNRESOLVED

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+):(.+)")
# An image for several platforms is pinned as a whole.
_MANIFESTS = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]
_SECONDS = 120  # that a registry may take to answer
LookUp = Callable[[str], str]


def pin_bases(root: Path, look_up: LookUp) -> Iterator[str]:
    """Each Dockerfile below `root`/containers names its base by digest; a line for each change.

    A tag that has moved since is followed: this is how a base gets its updates.
    """
    for path in sorted((root / "containers").glob("*/Dockerfile")):
        text = path.read_text(encoding="utf-8")
        old = base_of(text)
        if old is None:
            continue
        name = old.partition("@")[0]
        new = f"{name}@{look_up(name)}"
        if new != old:
            path.write_text(text.replace(f"ARG BASE={old}\n", f"ARG BASE={new}\n", 1), "utf-8")
            yield f"{path.relative_to(root)}: {new}"


def pin_managed(lock: Path, look_up: LookUp) -> Iterator[str]:
    """Each image of the lock has its digest; a line for each that was looked up.

    One that has a digest keeps it: AWS moves its tags, and an update is a new version here.
    """
    content = json.loads(lock.read_text(encoding="utf-8"))
    try:
        for image in content["images"]:
            for entry in image["regions"].values():
                if entry["digest"] == UNRESOLVED:
                    entry["digest"] = look_up(entry["uri"])
                    yield f"{entry['uri']}: {entry['digest']}"
    finally:  # what was told before a registry could not be reached is not lost
        lock.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def of_registry(name: str) -> str:
    """The digest of `name:tag` as its registry has it now, asked with skopeo or docker.

    Raises OpsError when there is neither, or when the registry does not answer.
    """
    if skopeo := shutil.which("skopeo"):
        raw = _run([skopeo, "inspect", "--raw", f"docker://{_full(name)}"], name)
        return f"sha256:{hashlib.sha256(raw).hexdigest()}"
    if docker := shutil.which("docker"):
        words = [docker, "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}"]
        digest = _run([*words, name], name).decode().strip()
        if _DIGEST.fullmatch(digest):
            return digest
        raise OpsError(f"docker says that the digest of {name} is {digest[:80]!r}, which is none")
    raise OpsError(
        f"the digest of {name} cannot be looked up: there is neither skopeo nor docker here",
        fix="install skopeo (apt-get install skopeo, brew install skopeo), then make pin",
    )


def of_ecr(uri: str) -> str:
    """The digest of an AWS image's tag, from the registry of its region, with your credentials.

    Raises OpsError when there are none, or when the registry does not have it.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    match = _ECR.fullmatch(uri)
    if match is None:
        raise OpsError(f"{uri} is not <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>")
    account, region, repository, tag = match.groups()
    try:
        # Pulling is what AWS lets every account do; describing is not.
        client: Any = boto3.client("ecr", region_name=region)
        answer = client.batch_get_image(
            registryId=account,
            repositoryName=repository,
            imageIds=[{"imageTag": tag}],
            acceptedMediaTypes=_MANIFESTS,
        )
    except (BotoCoreError, ClientError) as fault:
        raise OpsError(
            f"the digest of {uri} cannot be looked up: {fault}",
            fix="export AWS_PROFILE=<one that may ecr:BatchGetImage>, then make pin",
        ) from fault
    if not answer["images"]:
        reason = (answer.get("failures") or [{}])[0].get("failureReason", "no such image")
        raise OpsError(f"the digest of {uri} cannot be looked up: {reason}")
    return str(answer["images"][0]["imageId"]["imageDigest"])


def _run(words: list[str], name: str) -> bytes:
    try:
        done = subprocess.run(words, capture_output=True, timeout=_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise OpsError(f"the registry of {name} has not answered for {_SECONDS} s") from None
    if done.returncode or not done.stdout.strip():
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise OpsError(f"the digest of {name} cannot be looked up; its registry: {said[-1]}")
    return done.stdout


def _full(name: str) -> str:
    """Docker Hub's short names in full, as only Docker itself guesses them."""
    first, _, rest = name.partition("/")
    if not rest:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"
