"""Images of our containers in the local ECR, as `make local` puts them there."""

from __future__ import annotations

import json
from collections.abc import Mapping

from support.local_aws_server import LocalAws


def push(
    aws: LocalAws, repository: str, tag: str, *, container: str, environment: Mapping[str, str]
) -> None:
    """The repository has this tag; the image's entrypoint sets `environment` first."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    entrypoint = [*(["env", *variables] if variables else []), "python", "-m", container]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": "sha256:" + "0" * 64,
            "size": 2,
        },
        "layers": [],
        "annotations": {
            "sagemaker-workflow.container": container,
            "sagemaker-workflow.entrypoint": json.dumps(entrypoint),
            "sagemaker-workflow.context-hash": "0" * 16,
        },
    }
    ecr = aws.client("ecr")
    found = ecr.describe_repositories()["repositories"]
    if repository not in [one["repositoryName"] for one in found]:
        ecr.create_repository(repositoryName=repository)
    ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
