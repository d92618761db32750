"""Real runs of the trainer's program, with its own interpreter and an `/opt/ml` of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

ROOT = Path(__file__).parents[2]
CLASSES = {"binary": ["no", "yes"], "multiclass": ["Adelie", "Chinstrap", "Gentoo"]}
FEATURES: list[dict[str, Any]] = [
    {"name": "carrier", "type": "category", "categories": ["AA", "B6", "UA"], "required": False},
    {"name": "distance", "type": "number", "required": False},
    {"name": "month", "type": "integer", "required": False},
    {"name": "night", "type": "boolean", "required": False},
]


def schema(problem: str) -> dict[str, Any]:
    """The schema.json of a small dataset of that kind."""
    return {
        "format": 1,
        "dataset": "tiny",
        "version": "0123456789abcdef",
        "problem": problem,
        "target": {"name": "outcome", "classes": CLASSES.get(problem)},
        "features": FEATURES,
    }


def table(problem: str, rows: int, seed: int) -> np.ndarray[Any, Any]:
    """Rows whose target follows from the features with some noise; every 13th value is missing."""
    random = np.random.default_rng(seed)
    carrier = random.integers(0, 3, rows)
    distance = random.normal(800, 300, rows)
    month = random.integers(1, 13, rows)
    night = random.integers(0, 2, rows)
    score = (distance - 800) / 300 + carrier - 1 + 0.3 * night + random.normal(0, 0.3, rows)
    target = {
        "binary": (score > 0).astype(float),
        "multiclass": np.digitize(score, [-0.6, 0.6]).astype(float),
        "regression": score * 10,
    }[problem]
    features = np.column_stack([carrier, distance, month, night]).astype(float)
    features.ravel()[::13] = np.nan
    return np.column_stack([target, features])


def as_csv(rows: np.ndarray[Any, Any]) -> str:
    """Numbers only, missing = empty: the form preprocessing writes."""
    return "".join(",".join("" if np.isnan(v) else f"{v:g}" for v in row) + "\n" for row in rows)


@dataclass
class Finished:
    code: int
    log: str
    failure: str | None


@dataclass
class TrainingJob:
    """The `/opt/ml` of one training job."""

    base: Path
    SECONDS: ClassVar[float] = 60
    """In which it ends."""

    @property
    def model(self) -> Path:
        return self.base / "model"

    def channel(
        self,
        name: str,
        content: Mapping[str, str | bytes],
        *,
        distribution: str = "FullyReplicated",
    ) -> None:
        folder = self.base / "input" / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, body in content.items():
            (folder / file).write_bytes(body if isinstance(body, bytes) else body.encode())
        config = self._read("inputdataconfig")
        config[name] = {
            "ContentType": "text/csv",
            "TrainingInputMode": "File",
            "S3DistributionType": distribution,
            "RecordWrapperType": "None",
        }
        self.configure("inputdataconfig", config)

    def data(self, problem: str) -> TrainingJob:
        """Give the job all four channels of a small dataset."""
        self.channel("schema", {"schema.json": json.dumps(schema(problem))})
        for seed, (name, rows) in enumerate({"train": 600, "validation": 200, "test": 200}.items()):
            self.channel(name, {f"{name}.csv": as_csv(table(problem, rows, seed))})
        return self

    def hyperparameters(self, **values: str) -> TrainingJob:
        self.configure("hyperparameters", {"num_round": "15", "max_depth": "3", **values})
        return self

    def configure(self, name: str, content: Mapping[str, Any]) -> None:
        folder = self.base / "input" / "config"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(content))

    def start(self, **extra: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [ROOT / ".venvs/trainer/bin/python", "-m", "trainer", "train"],
            env=environment(self.base, **extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> Finished:
        return self.finish(self.start())

    def finish(self, process: subprocess.Popen[str]) -> Finished:
        log, _ = process.communicate(timeout=self.SECONDS)
        failure = self.base / "output" / "failure"
        return Finished(process.returncode, log, failure.read_text() if failure.exists() else None)

    def _read(self, name: str) -> dict[str, Any]:
        path = self.base / "input" / "config" / f"{name}.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}


def environment(base: Path, **extra: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "containers"),
        "SAGEMAKER_BASE_DIR": str(base),
        **extra,
    }
