"""The project's own images: one per folder of `containers/`, named by what the folder holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aws_cdk import aws_ecr as ecr
from constructs import Construct

from sagemaker_workflow.build_context import BuildContext
from sagemaker_workflow.container_image import ContainerImage
from stacks.names import Names

TRAINER = "trainer"
INFERENCE = "inference_server"
VLLM = "vllm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """Every container, the tag its image has now, and what it would be built from."""

    tags: dict[str, str]
    contexts: dict[str, BuildContext] = field(default_factory=dict)

    @staticmethod
    def of(folder: Path, *, also: str = "") -> Images:
        """The containers in `folder` that every workflow has, and the one called `also`.

        Reads files only; nothing is built here.
        """
        contexts = {
            path.name: BuildContext.read(path)
            for path in sorted(folder.iterdir())
            if path.name == also or (path / "requirements.in").is_file()
        }
        tags = {name: context.hash for name, context in contexts.items()}
        return Images(tags=tags, contexts=contexts)

    def inference(self, scope: Construct, names: Names) -> ContainerImage:
        """The image that models are served by."""
        return self.image(scope, names, INFERENCE)

    def image(
        self, scope: Construct, names: Names, container: str, tag: str | None = None
    ) -> ContainerImage:
        """The container's image under `tag`, in the storage stack's repository. Default: now's."""
        repository = ecr.Repository.from_repository_name(
            scope, f"{container}-repository", names.repository(container)
        )
        # Built for linux/amd64 (README, "To a real account").
        return ContainerImage.from_repository(
            repository, tag or self.tags[container], architecture="x86_64"
        )
