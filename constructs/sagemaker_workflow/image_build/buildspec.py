"""What CodeBuild does to a build context."""

from __future__ import annotations

from typing import Any


def buildspec() -> dict[str, Any]:
    """Build the context and push it under its tag.

    CONTEXT (s3://...zip), REGISTRY, REPOSITORY and TAG come with each build. A tag that
    somebody else has pushed since is no failure: it is the hash of the same context.
    """
    return {
        "version": "0.2",
        "env": {
            "shell": "bash",
            # An image and nothing else: with an attestation beside it, it would be an index.
            "variables": {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
        },
        "phases": {
            "pre_build": {
                "commands": [
                    'aws s3 cp --no-progress "$CONTEXT" /tmp/context.zip',
                    "mkdir context && unzip -q /tmp/context.zip -d context",
                    "aws ecr get-login-password"
                    ' | docker login --username AWS --password-stdin "$REGISTRY"',
                ]
            },
            "build": {
                "commands": [
                    "base=$(sed -n 's/^ARG BASE=[^@]*@//p' context/Dockerfile | head -n 1)",
                    "docker build --build-arg REVISION=$TAG"
                    " --build-arg BASE_DIGEST=${base:-unresolved}"
                    ' --tag "$REGISTRY/$REPOSITORY:$TAG" context',
                ]
            },
            "post_build": {
                "commands": [
                    '[ "$CODEBUILD_BUILD_SUCCEEDING" = 1 ] || exit 1',
                    'docker push "$REGISTRY/$REPOSITORY:$TAG"',
                ]
            },
        },
    }
