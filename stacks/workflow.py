"""Every stack of one environment, and in which order they are deployed."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Environment

from stacks.images import Images
from stacks.names import Names
from stacks.preprocessing import PreprocessingStack
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.training import TrainingStack


def build(app: App, settings: Settings, *, root: Path) -> None:
    """The stacks of `settings` are in `app`; `root` is where containers and packages lie."""
    names = Names(project=settings.project, environment=settings.environment)
    images = Images.of(root / "containers")
    common = {
        "settings": settings,
        "names": names,
        "env": Environment(account=settings.account, region=settings.region),
    }
    storage = StorageStack(app, names.stack("storage"), images=images, **common)
    preprocessing = PreprocessingStack(
        app,
        names.stack("preprocessing"),
        package=root / "build" / "lambda" / "preprocess.zip",
        **common,
    )
    training = TrainingStack(app, names.stack("training"), images=images, **common)
    # They read one another's names from SSM, which CloudFormation cannot see.
    preprocessing.add_stack_dependency(storage)
    training.add_stack_dependency(preprocessing)
