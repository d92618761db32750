"""The containers' images, put where the workflow looks for them: into the local ECR."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops import aws
from ops.errors import OpsError
from ops.settings import ROOT, Deployment

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
ANNOTATION = "sagemaker-workflow."
ALREADY = ("ImageAlreadyExistsException", "ImageTagAlreadyExistsException")
# The OCI empty object: `{}`; the local runner starts a folder, so the manifest carries no layers.
EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A container as the deployed workflow names it."""

    container: str
    uri: str

    @property
    def repository(self) -> str:
        """The repository's name, without the registry."""
        return self.uri.split("/", 1)[1].rsplit(":", 1)[0]

    @property
    def tag(self) -> str:
        """The tag: the hash of the build context."""
        return self.uri.rsplit(":", 1)[1]


def images(deployment: Deployment) -> list[Image]:
    """Each image the deployed workflow wants."""
    found = aws.published_under(deployment, "images")
    if not found:
        raise OpsError(
            f"{deployment.prefix} publishes no images: it is not deployed here",
            fix="make local" if deployment.env == "local" else f"make deploy ENV={deployment.env}",
        )
    return [Image(container=name, uri=uri) for name, uri in found.items()]


def push_local(
    deployment: Deployment,
    *,
    root: Path = ROOT,
    say: Callable[[str, str], None] = lambda a, b: None,
) -> list[Image]:
    """The local ECR holds a manifest for each image: it tells the runner what to start."""
    from sagemaker_workflow.build_context import build_context_hash

    pushed = images(deployment)
    for image in pushed:
        folder = root / "containers" / image.container
        if not (folder / "Dockerfile").is_file():
            raise OpsError(f"the workflow wants {image.uri}, but {folder.name}/ has no Dockerfile")
        context = build_context_hash(folder)
        if context != image.tag:
            raise OpsError(
                f"{image.container} is deployed as {image.tag}, but its folder is now {context}",
                fix="the folder changed after the deploy: run make local again",
            )
        fresh = _put(image, manifest(image.container, entrypoint(folder), context))
        say(image.container, f"{image.tag} {'pushed' if fresh else 'is there already'}")
    return pushed


def entrypoint(folder: Path) -> list[str]:
    """The program an image starts, read from its Dockerfile (the exec form SageMaker needs)."""
    from dockerfile_parse import DockerfileParser

    parsed = DockerfileParser(path=str(folder / "Dockerfile"), cache_content=True)
    found = [i["value"] for i in parsed.structure if i["instruction"] == "ENTRYPOINT"]
    try:
        program = json.loads(found[-1])
    except (IndexError, ValueError) as fault:
        raise OpsError(
            f'{folder.name}/Dockerfile has no ENTRYPOINT ["program", ...] in the exec form'
        ) from fault
    return [str(part) for part in program]


def manifest(container: str, program: list[str], context: str) -> str:
    """An OCI image manifest whose annotations name the container folder and its entrypoint."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": EMPTY,
                "size": 2,
            },
            "layers": [],
            "annotations": {
                f"{ANNOTATION}container": container,
                f"{ANNOTATION}entrypoint": json.dumps(program, separators=(",", ":")),
                f"{ANNOTATION}context-hash": context,
            },
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def _put(image: Image, document: str) -> bool:
    """Whether the image is new. The tag is immutable, so the same tag is the same content."""
    from botocore.exceptions import ClientError

    digest = "sha256:" + hashlib.sha256(document.encode()).hexdigest()
    try:
        aws.client("ecr").put_image(
            repositoryName=image.repository,
            imageManifest=document,
            imageManifestMediaType=MANIFEST_TYPE,
            imageTag=image.tag,
            imageDigest=digest,
        )
    except ClientError as fault:
        if aws.error_code(fault) in ALREADY:
            return False
        raise OpsError(f"{image.uri} cannot be pushed: {aws.error_message(fault)}") from fault
    return True
