"""One training job from its configuration to its artifacts."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import threading
import time
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from torch_trainer import export, hyperparameters, text
from torch_trainer.checkpoints import Checkpoints
from torch_trainer.cluster import Cluster, joined
from torch_trainer.hyperparameters import Hyperparameters
from torch_trainer.loop import Trainer
from torch_trainer.tabular import Served, Table
from training_job import metrics
from training_job.channels import Rows, read_channel
from training_job.failure import TrainingError
from training_job.paths import Paths, write_json
from training_job.schema import Schema, read_schema

logger = logging.getLogger(__name__)

DATA_CHANNELS = ("train", "validation", "test")
SAMPLE_ROWS = 500  # that the exported model is compared on
# What may differ between a job and the one that goes on with it.
_FREE = ("epochs", "processes")


def run(paths: Paths, stop: threading.Event, *, local_rank: int = 0, local: int = 1) -> None:
    """Leave a model in `paths.model` and an evaluation in `paths.output_data`.

    Called on every process of every instance; the first one writes.

    Raises:
        TrainingError: with the sentence that becomes the job's FailureReason.
    """
    started = time.monotonic()
    with joined(paths.hosts(), paths.current_host(), local_rank=local_rank, local=local) as cluster:
        schema, settings, rows = _read_together(paths, cluster)
        torch.manual_seed(settings.seed)
        torch.use_deterministic_algorithms(cluster.device.type == "cpu")
        classifies = schema.problem != "regression"
        model, served = _network(paths, schema, settings, rows, cluster)
        trainer = Trainer(
            model,
            nn.CrossEntropyLoss() if classifies else nn.MSELoss(),
            _scaled(rows, served),
            settings=settings,
            cluster=cluster,
            checkpoints=Checkpoints(
                paths.checkpoints, _fingerprint(schema, settings, rows, cluster)
            ),
            metric=lambda loss: _metric(schema, loss, served.spread),
        )
        progress, interrupted = trainer.run(stop)
        evaluation = _evaluate(schema, rows, trainer, served, cluster)
        # Of all processes' rows: this one may have none.
        sample = torch.from_numpy(cluster.gather(rows["train"].features[:SAMPLE_ROWS]))
    if not cluster.first:
        return
    evaluation["epochs"] = {
        "best": progress.best_epoch,
        "run": progress.epoch,
        "interrupted": interrupted,
    }
    served = served.cpu().eval()
    sample = sample[:SAMPLE_ROWS].contiguous()
    paths.model.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(paths.channel("schema") / "schema.json", paths.model / "schema.json")
    if settings.task == "text":
        for name in ("config.json", "tokenizer.json"):
            shutil.copyfile(paths.channel("model") / name, paths.model / name)
        difference = export.save_exported(served, served.model, sample.long(), paths.model)
    else:
        difference = export.save_onnx(served, sample, paths.model, classifies=classifies)
    evaluation["export_max_difference"] = difference
    evaluation["seconds"] = round(time.monotonic() - started, 3)
    write_json(paths.output_data / "evaluation.json", evaluation)
    summary = {key: evaluation[key] for key in ("problem", "metrics", "rows", "epochs")}
    write_json(paths.model / "metrics.json", summary)


def _read_together(
    paths: Paths, cluster: Cluster
) -> tuple[Schema, Hyperparameters, dict[str, Rows]]:
    found, fault = None, ""
    try:
        found = _read(paths, cluster)
    except TrainingError as error:
        fault = str(error)
    cluster.together(fault)
    assert found is not None  # noqa: S101  else there was a fault
    for name, table in found[2].items():
        if not sum(cluster.counts(len(table))):
            raise TrainingError(f"channel {name} holds no rows on any instance")
    return found


def _read(paths: Paths, cluster: Cluster) -> tuple[Schema, Hyperparameters, dict[str, Rows]]:
    """The schema, the settings, and this process's own rows of each channel."""
    channels = paths.channels()
    schema = read_schema(paths.channel("schema"))
    settings = hyperparameters.parse(paths.hyperparameters(), schema.problem)
    needed = ["train", "model"] if settings.task == "text" else ["train"]
    missing = [name for name in needed if name not in channels]
    if missing:
        raise TrainingError(
            f"channel {' and '.join(missing)} is missing; the job has {', '.join(channels)}"
        )
    if settings.task == "text" and schema.problem == "regression":
        raise TrainingError("task text needs classes; the schema's problem is regression")
    rows = {}
    local = cluster.size // len(cluster.hosts)
    tokenizer: Any = None
    if settings.task == "text":
        config = text.read_config(paths.channel("model"))
        tokenizer = text.open_tokenizer(paths.channel("model"))
        text.check(config, tokenizer, settings.max_length)
    for name in (name for name in DATA_CHANNELS if name in channels):
        sharded = len(cluster.hosts) > 1 and paths.sharded(name)
        if settings.task == "text":
            folder, length = paths.channel(name), settings.max_length
            table = text.read_texts(name, folder, schema, tokenizer, length, may_be_empty=sharded)
        else:
            table = read_channel(name, paths.channel(name), schema, may_be_empty=sharded)
        # Rows that several processes see are dealt out, so that each counts once.
        part = (cluster.local_rank, local) if sharded else (cluster.rank, cluster.size)
        rows[name] = table.part(*part)
    return schema, settings, rows


def _network(
    paths: Paths,
    schema: Schema,
    settings: Hyperparameters,
    rows: dict[str, Rows],
    cluster: Cluster,
) -> tuple[nn.Module, Served]:
    classifies = schema.problem != "regression"
    outputs = schema.class_count if classifies else 1
    model: nn.Module
    if settings.task == "text":
        model = text.pretrained(paths.channel("model"), classes=outputs, dropout=settings.dropout)
    else:
        model = Table(
            schema,
            hidden=settings.hidden,
            layers=settings.layers,
            dropout=settings.dropout,
            outputs=outputs,
        )
        mean, spread = _moments(rows["train"].features[:, model.numbers], cluster)
        model.scale(mean.tolist(), spread.tolist())
    mean, spread = (0.0, 1.0)
    if not classifies:
        means, spreads = _moments(rows["train"].target[:, None], cluster)
        mean, spread = float(means[0]), float(spreads[0])
    return model, Served(model, classifies=classifies, mean=mean, spread=spread)


def _moments(values: np.ndarray[Any, Any], cluster: Cluster) -> tuple[Any, Any]:
    """Mean and standard deviation of each column over all processes, missing values left out."""
    wide = torch.from_numpy(values.astype(np.float64))
    there = ~torch.isnan(wide)
    filled = torch.where(there, wide, torch.zeros_like(wide))
    count = cluster.total(there.sum(0)).clamp(min=1)
    mean = cluster.total(filled.sum(0)) / count
    squares = cluster.total((torch.where(there, wide - mean, filled * 0) ** 2).sum(0))
    spread = (squares / count).sqrt()
    return mean, torch.where(spread > 0, spread, torch.ones_like(spread))


def _scaled(rows: dict[str, Rows], served: Served) -> dict[str, Rows]:
    """The rows with the target as the network learns it."""
    return {
        name: Rows(
            channel=name,
            target=((table.target - served.mean) / served.spread).astype(np.float32),
            features=table.features,
        )
        for name, table in rows.items()
    }


def _metric(schema: Schema, loss: float, spread: float) -> tuple[str, float]:
    """The mean loss as the metric that it is: cross-entropy, or squares of the scaled target."""
    if schema.problem == "regression":
        return "rmse", loss**0.5 * spread
    return ("logloss" if schema.problem == "binary" else "mlogloss"), loss


def _fingerprint(
    schema: Schema, settings: Hyperparameters, rows: dict[str, Rows], cluster: Cluster
) -> str:
    """What two runs must have in common for one to go on with the other's epochs."""
    kept = {name: value for name, value in asdict(settings).items() if name not in _FREE}
    digest = hashlib.sha256(json.dumps([kept, asdict(schema)], sort_keys=True).encode())
    for name in ("train", "validation"):
        if name in rows:
            digest.update(rows[name].target.tobytes())
            digest.update(np.ascontiguousarray(rows[name].features).tobytes())
    every = cluster.gather(np.frombuffer(digest.digest(), dtype=np.uint8).copy()[None, :])
    return f"{cluster.size}-{hashlib.sha256(every.tobytes()).hexdigest()}"


def _evaluate(
    schema: Schema,
    rows: dict[str, Rows],
    trainer: Trainer,
    served: Served,
    cluster: Cluster,
) -> dict[str, Any]:
    found: dict[str, dict[str, float]] = {}
    reports: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for channel, table in rows.items():
        outputs = cluster.gather(trainer.predict(channel) if len(table) else _none(schema))
        target = cluster.gather(table.target)
        predicted = _as_xgboost(schema, outputs, served)
        counts[channel] = len(target)
        found[channel] = metrics.evaluate(schema, target, predicted)
        reports[channel] = metrics.report(schema, target, predicted)
        if cluster.first:
            for name, value in found[channel].items():
                logger.info(metrics.metric_line(channel, name, value))
    return {
        "problem": schema.problem,
        "metrics": found,
        "rows": counts,
        "processes": cluster.size,
        "reports": reports,
    }


def _none(schema: Schema) -> np.ndarray[Any, Any]:
    return np.zeros((0, schema.class_count or 1), dtype=np.float32)


def _as_xgboost(schema: Schema, outputs: np.ndarray[Any, Any], served: Served) -> Any:
    """The network's outputs in the form the shared metrics take."""
    if schema.problem == "regression":
        return outputs[:, 0] * served.spread + served.mean
    shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities[:, 1] if schema.problem == "binary" else probabilities
