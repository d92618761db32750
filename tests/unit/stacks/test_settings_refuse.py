"""What a person who wrote a settings file is told, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.settings import SettingsError, load

GOOD = """
project = "shop"
environment = "local"
region = "eu-west-1"

[dataset]
name = "orders"
problem = "binary"
target = "late"
drop = ["placed_at"]

[dataset.columns]
amount = "number"
country = "category"
placed_at = "timestamp"
late = "boolean"

[dataset.split]
train = 0.7
validation = 0.15
test = 0.15

[training]
instance_type = "ml.m5.xlarge"

[endpoints.live]
kind = "realtime"
instance_type = "ml.g4dn.xlarge"

[endpoints.idle]
kind = "serverless"

[endpoints.large]
kind = "async"
instance_type = "ml.m5.large"
min_capacity = 0

[batch]
instance_type = "ml.m5.large"
"""


def faults(folder: Path, text: str, environment: str = "local") -> list[str]:
    """What is said about a settings file with this text."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / f"{environment}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(environment, folder / "config")
    assert str(refused.value).startswith(f"config/{environment}.toml: ")
    return refused.value.faults


def changed(*changes: tuple[str, str]) -> str:
    text = GOOD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def test_the_good_file_is_good(tmp_path: Path) -> None:
    (tmp_path / "local.toml").write_text(GOOD)
    settings = load("local", tmp_path)
    assert settings.prefix == "shop-local"
    assert settings.model_package_group == "shop-local"
    assert settings.retain, "data is kept unless a file says otherwise"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'region = "eu-west-1"',
            "",
            "region: missing; add it (an AWS region like us-east-1)",
        ),
        (
            'region = "eu-west-1"',
            'region = "Ireland"',
            'region = "Ireland": must be an AWS region like us-east-1',
        ),
        (
            'environment = "local"',
            'environment = "prod"',
            'environment = "prod": must be "local", the name of the file',
        ),
        (
            'project = "shop"',
            'project = "Shop Floor"',
            'project = "Shop Floor": must be 2 to 16 lower-case letters, digits and hyphens,'
            " a letter first",
        ),
        (
            'project = "shop"',
            'project = "shop"\naccount = "123"',
            'account = "123": must be 12 digits in quotes',
        ),
        (
            'project = "shop"',
            'project = "shop"\nremoval = "delete"',
            'removal = "delete": must be "destroy" or "retain"',
        ),
        (
            'problem = "binary"',
            'problem = "binary"\ntraget = "late"',
            'dataset.traget = "late": unknown key; did you mean target?',
        ),
        (
            'problem = "binary"',
            'problem = "clustering"',
            'dataset.problem = "clustering": must be "binary", "multiclass" or "regression"',
        ),
        (
            'target = "late"',
            'target = "delay"',
            'dataset.target = "delay": must be one of the columns:'
            " amount, country, late or placed_at",
        ),
        (
            'target = "late"',
            'target = "amount"',
            'dataset.target = "amount": column amount is of type number; the target of a binary'
            " problem must be category, boolean or integer",
        ),
        (
            'amount = "number"',
            'amount = "float"',
            'dataset.columns.amount = "float": must be "number", "integer", "category",'
            ' "boolean", "text" or "timestamp"',
        ),
        (
            'drop = ["placed_at"]',
            "",
            'dataset.columns.placed_at = "timestamp": no model learns from text or timestamp:'
            " add placed_at to drop, or split by a timestamp",
        ),
        (
            'drop = ["placed_at"]',
            'drop = ["placed_at", "lat"]',
            "dataset.drop = ['placed_at', 'lat']: no such column: lat; columns are"
            " amount, country, late or placed_at",
        ),
        (
            'drop = ["placed_at"]',
            'drop = ["placed_at", "late"]',
            "dataset.drop = ['placed_at', 'late']: the target late cannot be dropped",
        ),
        (
            'drop = ["placed_at"]',
            'drop = ["placed_at", "amount", "country"]',
            "dataset.drop = ['placed_at', 'amount', 'country']: no column is left to learn from:"
            " drop fewer columns",
        ),
        (
            "test = 0.15",
            "test = 0.2",
            "dataset.split.test = 0.2: train + validation + test must be 1, they are 1.05",
        ),
        (
            "test = 0.15",
            'test = 0.15\nkind = "time"',
            'dataset.split.by: needed when kind is "time": the timestamp column that orders'
            " the rows",
        ),
        (
            "test = 0.15",
            'test = 0.15\nkind = "time"\nby = "amount"',
            'dataset.split.by = "amount": must be a timestamp column: placed_at',
        ),
        (
            'instance_type = "ml.m5.xlarge"',
            'instance_type = "m5.xlarge"',
            'training.instance_type = "m5.xlarge": must be an instance type like ml.m5.xlarge',
        ),
        (
            'instance_type = "ml.m5.xlarge"',
            'instance_type = "ml.m5.7xlarge"',
            'training.instance_type = "ml.m5.7xlarge": SageMaker has no such instance type for'
            " training; close to it: ml.m5.xlarge, ml.m5.4xlarge or ml.m5.2xlarge",
        ),
        (
            'instance_type = "ml.m5.xlarge"',
            'instance_type = "ml.m5.xlarge"\nallowed_instance_types = ["ml.c5.xlarge"]',
            "training.allowed_instance_types = ['ml.c5.xlarge']: must hold instance_type itself:"
            " ml.m5.xlarge",
        ),
        (
            'instance_type = "ml.m5.xlarge"',
            'instance_type = "ml.m5.xlarge"\nmax_runtime_minutes = "30"',
            'training.max_runtime_minutes = "30": must be a whole number',
        ),
        (
            'instance_type = "ml.m5.xlarge"',
            'instance_type = "ml.m5.xlarge"\nmax_wait_minutes = 90',
            "training.max_wait_minutes = 90: only with spot = true: remove it, or turn spot on",
        ),
        (
            'instance_type = "ml.m5.xlarge"',
            'instance_type = "ml.m5.xlarge"\n[training.hyperparameters]\neta = [0.1]',
            "training.hyperparameters.eta = [0.1]: must be one text, number, true or false",
        ),
        (
            'kind = "serverless"',
            'kind = "serverles"',
            'endpoints.idle.kind = "serverles": must be realtime, serverless, async, components'
            " or llm",
        ),
        (
            'kind = "serverless"',
            "",
            "endpoints.idle.kind: missing; must be realtime, serverless, async, components or llm",
        ),
        (
            'kind = "serverless"',
            'kind = "serverless"\ninstance_type = "ml.g4dn.xlarge"',
            'endpoints.idle.instance_type = "ml.g4dn.xlarge": unknown key: a serverless endpoint'
            " has no instances and no GPU; set memory_mb and max_concurrency, or use"
            ' kind = "realtime"',
        ),
        (
            'kind = "serverless"',
            'kind = "serverless"\nmemory_mb = 1500',
            "endpoints.idle.memory_mb = 1500: must be 1024, 2048, 3072, 4096, 5120 or 6144",
        ),
        (
            'kind = "serverless"',
            'kind = "serverless"\nmax_concurrency = 500',
            "endpoints.idle.max_concurrency = 500: must be at most 200",
        ),
        (
            'kind = "serverless"',
            'kind = "serverless"\nprovisioned_concurrency = 9',
            "endpoints.idle.provisioned_concurrency = 9: must be at most max_concurrency, 5",
        ),
        (
            'kind = "realtime"',
            'kind = "realtime"\nmin_capacity = 2\ninitial_instance_count = 2\nrollout = {'
            ' strategy = "linear", step_percent = 10, wait_seconds = 3600 }',
            "endpoints.live.rollout.termination_wait_seconds = 120: a linear rollout would wait"
            " 36120 seconds in all, and must wait less than 25200: lower wait_seconds, or raise"
            " step_percent",
        ),
        (
            'kind = "realtime"',
            'kind = "realtime"\nmin_capacity = 3',
            "endpoints.live.min_capacity = 3: must be at most max_capacity, 2",
        ),
        (
            'kind = "realtime"',
            'kind = "realtime"\nmin_capacity = 0',
            'endpoints.live.min_capacity = 0: must be at least 1; only kind = "async" goes down'
            " to 0",
        ),
        (
            'kind = "realtime"',
            'kind = "realtime"\ninitial_instance_count = 4',
            "endpoints.live.initial_instance_count = 4: must be from min_capacity to"
            " max_capacity, 1 to 2",
        ),
        (
            'kind = "realtime"',
            'kind = "realtime"\nrollout = { strategy = "canary" }',
            'endpoints.live.rollout.strategy = "canary": needs two instances: set min_capacity'
            ' and initial_instance_count to 2 or more, or strategy = "all_at_once"',
        ),
        (
            'kind = "realtime"',
            'kind = "realtime"\nrollout = { strategy = "canary", step_percent = 60 }',
            "endpoints.live.rollout.step_percent = 60: must be at most 50",
        ),
        (
            'kind = "realtime"',
            'kind = "realtime"\nnotification_email = "me"',
            'endpoints.live.notification_email = "me": must be an e-mail address',
        ),
        (
            "[endpoints.live]",
            "[endpoints.Live_One]",
            'endpoints.Live_One = "Live_One": must be up to 20 lower-case letters, digits and'
            " hyphens, a letter first",
        ),
        (
            "[batch]\n",
            "[batch]\ninstance_count = 9\n",
            "batch.max_instance_count = 4: must be at least instance_count, 9",
        ),
    ],
)
def test_says_what_is_wrong_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert faults(tmp_path, changed((old, new))) == [said]


def test_says_everything_at_once(tmp_path: Path) -> None:
    text = changed(
        ('region = "eu-west-1"', 'regoin = "eu-west-1"'),
        ('target = "late"', 'target = "delay"'),
        ("test = 0.15", "test = 0.3"),
        ('kind = "serverless"', 'kind = "serverless"\nmemory_mb = 1000'),
    )
    assert faults(tmp_path, text) == [
        "region: missing; add it (an AWS region like us-east-1)",
        'dataset.target = "delay": must be one of the columns: amount, country, late or placed_at',
        "dataset.split.test = 0.3: train + validation + test must be 1, they are 1.15",
        "endpoints.idle.memory_mb = 1000: must be 1024, 2048, 3072, 4096, 5120 or 6144",
        'regoin = "eu-west-1": unknown key; did you mean region?',
    ]


def test_says_where_the_toml_breaks(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, 'project = "shop\n')
    assert fault.startswith("not valid TOML: ")
    assert "line 1" in fault


def test_refuses_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "local.toml").write_bytes(b'project = "caf\xe9"\n')
    with pytest.raises(SettingsError, match="not UTF-8 text: byte 14 is 0xe9"):
        load("local", tmp_path / "config")


def test_names_the_environments_there_are(tmp_path: Path) -> None:
    (tmp_path / "dev.toml").touch()
    (tmp_path / "prod.toml").touch()
    with pytest.raises(SettingsError, match=r"-c env=<name> must be one of: dev, prod"):
        load("stage", tmp_path)
