"""Every settings file that ships can be used, and the examples leave no option out."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_cdk import App
from pydantic import BaseModel

from stacks import workflow
from stacks.settings import Realtime, load, parse
from stacks.settings.project import Settings

CONFIG = Path(__file__).parents[3] / "config"
EXAMPLES = sorted(CONFIG.glob("examples/*.toml"))
# What is of an account, not of an example.
ELSEWHERE = {"account", "reserve_concurrency"}


@pytest.mark.parametrize("environment", sorted(path.stem for path in CONFIG.glob("*.toml")))
def test_each_environment_loads(environment: str) -> None:
    assert load(environment, CONFIG).environment == environment


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_each_example_makes_its_stacks(file: Path, tmp_path: Path) -> None:
    (tmp_path / "build/lambda").mkdir(parents=True)
    for name in ("preprocess", "preprocess_spark"):
        with zipfile.ZipFile(tmp_path / f"build/lambda/{name}.zip", "w") as archive:
            archive.writestr("handler.py", name)
    (tmp_path / "containers/preprocess_spark").mkdir(parents=True)
    (tmp_path / "containers/preprocess_spark/main.py").touch()
    for container in ("trainer", "inference_server", "vllm"):
        context = tmp_path / "containers" / container
        context.mkdir(parents=True)
        (context / "requirements.in").write_text("numpy")
        (context / "Dockerfile").write_text("FROM scratch")
    settings = parse(file, environment=file.stem)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    workflow.build(app, settings, root=tmp_path)
    made = {stack.stack_name for stack in app.synth().stacks}
    wanted = {f"endpoint-{name}" for name in settings.endpoints}
    wanted |= {"batch"} if settings.batch else set()
    assert {f"{settings.prefix}-{part}" for part in wanted} <= made


def test_the_examples_show_every_option_of_every_kind() -> None:
    """A key that is added to a block is added to config/examples too, with a word about it."""
    shown: dict[type[BaseModel], set[str]] = {}
    for file in EXAMPLES:
        for block in _blocks(parse(file, environment=file.stem)):
            shown.setdefault(type(block), set()).update(block.model_fields_set)
    unshown = {
        f"{block.__name__}.{name}"
        for block, names in shown.items()
        for name in set(block.model_fields) - names - ELSEWHERE
    }
    # A language model has the key only to refuse it: it follows no package group.
    assert unshown == {"Llm.model_package_group"}


def _blocks(block: BaseModel) -> Iterator[BaseModel]:
    yield block
    for name in block.model_fields_set:
        if isinstance(block, Settings) and name in ELSEWHERE:
            continue
        value = getattr(block, name)
        for one in value.values() if isinstance(value, dict) else [value]:
            if isinstance(one, BaseModel):
                yield from _blocks(one)


def test_production_keeps_its_data_and_survives_the_loss_of_an_instance() -> None:
    prod = load("prod", CONFIG)
    assert prod.retain
    live = [one for one in prod.endpoints.values() if isinstance(one, Realtime)]
    assert live
    for one in live:
        assert one.min_capacity >= 2
        assert one.rollout.strategy == "canary"
