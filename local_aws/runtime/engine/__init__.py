"""Containers as real OCI containers, where LOCAL_AWS_ENGINE asks for podman or docker."""

from local_aws.runtime.engine.build import Image, image, ready
from local_aws.runtime.engine.choice import chosen
from local_aws.runtime.engine.cleanup import prepare
from local_aws.runtime.engine.run import Mount, start

__all__ = ["Image", "Mount", "chosen", "image", "prepare", "ready", "start"]
