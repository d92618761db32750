"""What the service, or good sense, would refuse about a model."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.faults import known
from sagemaker_workflow.model.spec import (
    ModelContainer,
    ModelNetwork,
    ModelPackage,
    environment_of,
)

_ENVIRONMENT_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HOSTNAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_PACKAGE_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]{9,16}:\d{12}:model-package/\S+")
# HF_TOKEN, DB_PASSWORD; not MAX_TOKENS, PAD_TOKEN_ID or DB_SECRET_ARN.
_SECRET_NAME = re.compile(
    r"(?i)(?:.*_)?(secret|password|passwd|token|api_?key|credentials?|(?:private|access)_?key)"
)
_MAX_CONTAINERS = 15
_MAX_ENVIRONMENT = 100
_MAX_VALUE = 1024
_MAX_ENVIRONMENT_BYTES = 32 * 1024


def model_faults(
    containers: tuple[ModelContainer, ...],
    package: ModelPackage | None,
    network: ModelNetwork | None,
    *,
    direct_invocation: bool,
) -> Iterator[str]:
    """Each thing wrong, as a sentence: what, the value got, what is allowed, what to change."""
    if package is not None:
        yield from _package_faults(package)
    elif not 1 <= len(containers) <= _MAX_CONTAINERS:
        yield (
            f"serves {len(containers)} containers, allowed is 1 to {_MAX_CONTAINERS}: "
            + ("name at least one" if not containers else "split the pipeline")
        )
    for container in containers:
        yield from _environment_faults(environment_of(container))
        yield from _place_faults(container, len(containers), direct_invocation)
    yield from _size_faults(containers)
    names = [one.hostname for one in containers if one.hostname]
    if len(set(names)) != len(names):
        yield f"hostnames are {names}, allowed are distinct ones: rename one of the same"
    if direct_invocation and len(containers) < 2:
        yield "direct_invocation needs several containers, this model has one: leave it out"
    if network is not None and not network.security_groups:
        yield "network has no security group: name at least one, SageMaker requires it"


def _package_faults(package: ModelPackage) -> Iterator[str]:
    if known(package.arn) and not _PACKAGE_ARN.fullmatch(package.arn):
        yield (
            f"package arn is {package.arn!r}, allowed is arn:aws:sagemaker:<region>:<account>:"
            "model-package/<group>/<version>: copy it from the registry, or pass a parameter"
        )
    if not package.images:
        yield "package has no images: say which repositories its containers come from"
    if not package.artifacts:
        yield "package has no artifacts: say the (bucket, prefix) its archives lie under"


def _environment_faults(environment: dict[str, str]) -> Iterator[str]:
    if len(environment) > _MAX_ENVIRONMENT:
        yield (
            f"environment has {len(environment)} entries, allowed is {_MAX_ENVIRONMENT}: put them "
            "into a file among the artifacts"
        )
    for name, value in environment.items():
        if not _ENVIRONMENT_KEY.fullmatch(name):
            yield (
                f"environment name {name!r} is not one, allowed are letters, digits and _, not "
                "starting with a digit: rename it"
            )
        if known(value) and len(value.encode()) > _MAX_VALUE:
            yield (
                f"environment {name} holds {len(value.encode())} bytes, allowed is {_MAX_VALUE}: "
                "put it into a file among the artifacts"
            )
        # Whoever may describe the model can read its environment.
        if _SECRET_NAME.fullmatch(name) and value:
            yield (
                f"environment {name} looks like a secret, allowed is the name of one: keep it in "
                f"Secrets Manager and pass its ARN as {name}_ARN"
            )


def _size_faults(containers: tuple[ModelContainer, ...]) -> Iterator[str]:
    size = sum(
        len(text.encode())
        for container in containers
        for pair in environment_of(container).items()
        for text in pair
        if known(text)
    )
    if size > _MAX_ENVIRONMENT_BYTES:
        yield (
            f"environment holds {size} bytes in all, allowed is {_MAX_ENVIRONMENT_BYTES}: put the "
            "longest values into a file among the artifacts"
        )


def region_faults(images: tuple[ContainerImage, ...], here: str) -> Iterator[str]:
    """SageMaker pulls from the registries of its own region only."""
    for image in images:
        if there := image.region_of(here):
            yield (
                f"image {image.uri!r} is in {there}, allowed is {here}, where the model "
                "is: copy it there, or name that region's"
            )


def _place_faults(container: ModelContainer, count: int, direct: bool) -> Iterator[str]:
    if container.hostname is not None and not _HOSTNAME.fullmatch(container.hostname):
        yield (
            f"hostname is {container.hostname!r}, allowed are up to 63 letters, digits and inner "
            "hyphens: rename it"
        )
    if direct and not container.hostname:
        yield "direct_invocation needs a hostname on every container: name this one"
    if container.multi_model and (container.data is None or container.data.compressed):
        yield "multi_model needs a prefix of archives: use ModelData.from_prefix"
    if container.multi_model and count > 1 and not direct:
        yield (
            "multi_model containers cannot be part of a row of containers: set "
            "direct_invocation=True or serve them from a model of their own"
        )
