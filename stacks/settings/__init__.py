"""Settings of an environment: one checked object from one TOML file."""

from stacks.settings.dataset import Dataset
from stacks.settings.endpoints import (
    Async,
    Batch,
    Component,
    Components,
    Endpoint,
    Llm,
    Realtime,
    Rollout,
    Scaled,
    Serverless,
)
from stacks.settings.errors import SettingsError
from stacks.settings.load import load, parse
from stacks.settings.project import Settings
from stacks.settings.training import Training

__all__ = [
    "Async",
    "Batch",
    "Component",
    "Components",
    "Dataset",
    "Endpoint",
    "Llm",
    "Realtime",
    "Rollout",
    "Scaled",
    "Serverless",
    "Settings",
    "SettingsError",
    "Training",
    "load",
    "parse",
]
