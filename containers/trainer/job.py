"""One training job from its configuration to its artifacts."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import hyperparameters
from trainer.channels import Rows, read_channel
from trainer.failure import TrainingError
from trainer.paths import Paths
from trainer.schema import Schema, read_schema

if TYPE_CHECKING:
    import xgboost as xgb

    from trainer.fit import Fitted

logger = logging.getLogger(__name__)

REQUIRED_CHANNELS = ("schema", "train")
DATA_CHANNELS = ("train", "validation", "test")


def run(paths: Paths, stop: threading.Event) -> None:
    """Leave a served-as-it-is model in `paths.model` and an evaluation in `paths.output_data`.

    Raises:
        TrainingError: with the sentence that becomes the job's FailureReason.
    """
    started = time.monotonic()
    _check_instances(paths)
    _check_channels(paths)
    schema = read_schema(paths.channel("schema"))
    settings = hyperparameters.parse(paths.hyperparameters(), schema.problem)
    present = [name for name in DATA_CHANNELS if name in paths.channels()]
    rows = {name: read_channel(name, paths.channel(name), schema) for name in present}
    for name, table in rows.items():
        logger.info("channel %s: %d rows, %d features", name, len(table), len(schema.features))
    # XGBoost and its company take seconds to import: not before the data is known to be good.
    from trainer import export
    from trainer.fit import fit, matrix

    matrices = {name: matrix(table, schema, settings) for name, table in rows.items()}
    fitted = fit(matrices, schema, settings, stop)
    logger.info("best round %d of %d run", fitted.best_round, fitted.rounds_run)
    # The native model first: if the grace period after SIGTERM runs out, this much is safe.
    export.save_native(fitted.booster, paths.channel("schema") / "schema.json", paths.model)
    difference = export.save_onnx(fitted.booster, schema, rows["train"].features, paths.model)
    evaluation = _evaluate(schema, rows, matrices, fitted)
    evaluation["onnx_max_difference"] = difference
    evaluation["seconds"] = round(time.monotonic() - started, 3)
    _write_json(paths.output_data / "evaluation.json", evaluation)
    summary = {key: evaluation[key] for key in ("problem", "metrics", "rows", "rounds")}
    _write_json(paths.model / "metrics.json", summary)


def _check_instances(paths: Paths) -> None:
    hosts = paths.hosts()
    if len(hosts) > 1:
        raise TrainingError(
            f"the job has {len(hosts)} instances; this image trains on one: set InstanceCount to 1"
        )


def _check_channels(paths: Paths) -> None:
    channels = paths.channels()
    missing = [name for name in REQUIRED_CHANNELS if name not in channels]
    if missing:
        raise TrainingError(
            f"channel {' and '.join(missing)} is missing; the job has "
            f"{', '.join(channels) or 'no channels'}; needed: {', '.join(REQUIRED_CHANNELS)}; "
            "optional: validation, test"
        )


def _evaluate(
    schema: Schema, rows: dict[str, Rows], matrices: dict[str, xgb.DMatrix], fitted: Fitted
) -> dict[str, Any]:
    from trainer import metrics

    found: dict[str, dict[str, float]] = {}
    reports: dict[str, Any] = {}
    for channel, data in matrices.items():
        predicted = fitted.booster.predict(data)
        target = rows[channel].target
        found[channel] = metrics.evaluate(schema, target, predicted)
        reports[channel] = metrics.report(schema, target, predicted)
        for name, value in found[channel].items():
            logger.info(metrics.metric_line(channel, name, value))
    gains = fitted.booster.get_score(importance_type="total_gain")
    return {
        "problem": schema.problem,
        "metrics": found,
        "rows": {channel: len(table) for channel, table in rows.items()},
        "rounds": {
            "best": fitted.best_round,
            "run": fitted.rounds_run,
            "interrupted": fitted.interrupted,
        },
        "reports": reports,
        "feature_importance": metrics.feature_importance(schema.features, gains),
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
