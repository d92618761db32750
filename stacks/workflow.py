"""Every stack of one environment, and in which order they are deployed."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Environment

from stacks import digests
from stacks.batch import BatchStack
from stacks.endpoint import EndpointStack
from stacks.errors import UserError
from stacks.images import Images
from stacks.names import Names
from stacks.preprocessing import PreprocessingStack
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.training import TrainingStack


def build(app: App, settings: Settings, *, root: Path) -> None:
    """The stacks of `settings` are in `app`; `root` is where containers and packages lie.

    Raises UserError when something that has to be built first is not there.
    """
    names = Names(project=settings.project, environment=settings.environment)
    images = Images.of(root / "containers", also=settings.training.container)
    digests.require(settings, images)
    package = root / "build" / "lambda" / "preprocess.zip"
    if not package.is_file():
        raise UserError(f"{package.relative_to(root)} is missing: run `make package`")
    where = Environment(account=settings.account, region=settings.region)
    storage = StorageStack(
        app, names.stack("storage"), settings=settings, names=names, images=images, env=where
    )
    preprocessing = PreprocessingStack(
        app,
        names.stack("preprocessing"),
        settings=settings,
        names=names,
        package=package,
        env=where,
    )
    training = TrainingStack(
        app, names.stack("training"), settings=settings, names=names, images=images, env=where
    )
    for name in settings.endpoints:
        endpoint = EndpointStack(
            app,
            names.stack(f"endpoint-{name}"),
            name=name,
            settings=settings,
            names=names,
            images=images,
            env=where,
        )
        endpoint.add_stack_dependency(storage)
    if settings.batch is not None:
        batch = BatchStack(
            app,
            names.stack("batch"),
            batch=settings.batch,
            settings=settings,
            names=names,
            images=images,
            env=where,
        )
        batch.add_stack_dependency(storage)
    # They read one another's names from SSM, which CloudFormation cannot see.
    preprocessing.add_stack_dependency(storage)
    training.add_stack_dependency(preprocessing)
