"""Where digests are required, nothing is deployed whose bytes nobody has looked up."""

from __future__ import annotations

from collections.abc import Iterator

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.llm import LlmImage
from stacks.errors import UserError
from stacks.images import Images
from stacks.settings import Settings
from stacks.settings.endpoints import Llm


def require(settings: Settings, images: Images) -> None:
    """Raise UserError with each image of `settings` that has no digest, where they are required."""
    if settings.image.digests != "required":
        return
    faults = [*_bases(images), *_managed(settings)]
    if faults:
        raise UserError(
            "\n".join(
                [
                    f'config/{settings.environment}.toml has [image] digests = "required", but of'
                    f" {len(faults)} image{'s' if len(faults) != 1 else ''} nobody has looked up"
                    " the digest",
                    *(f"  {fault}" for fault in faults),
                    "what to do: make pin, where the registries are in reach, and commit what it"
                    " wrote",
                ]
            )
        )


def _bases(images: Images) -> Iterator[str]:
    for name, context in images.contexts.items():
        if context.base is not None and "@sha256:" not in context.base:
            yield f"containers/{name}/Dockerfile: BASE is {context.base}"


def _managed(settings: Settings) -> Iterator[str]:
    region = settings.region
    found: dict[str, ContainerImage] = {}
    if settings.preprocessing.spark is not None:
        spark = ContainerImage.managed("spark", version="3.5", region=region, scope="processing")
        found["preprocessing.spark"] = spark
    for name, block in settings.endpoints.items():
        if isinstance(block, Llm) and block.image != "own":
            found[f"endpoints.{name}"] = LlmImage.managed(block.image, region=region).image
    for where, image in found.items():
        if "@sha256:" not in image.uri:
            yield f"{where}: images.lock.json has {image.uri} as unresolved"
