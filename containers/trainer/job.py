"""One training job from its configuration to its artifacts."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import hyperparameters
from trainer.cluster import Cluster, joined
from trainer.hyperparameters import Hyperparameters
from training_job.channels import Rows, read_channel
from training_job.failure import TrainingError
from training_job.paths import Paths, write_json
from training_job.schema import Schema, read_schema

if TYPE_CHECKING:
    import xgboost as xgb

    from trainer.fit import Fitted

logger = logging.getLogger(__name__)

REQUIRED_CHANNELS = ("schema", "train")
DATA_CHANNELS = ("train", "validation", "test")
SAMPLE_ROWS = 2000  # that the ONNX model is compared on


def run(paths: Paths, stop: threading.Event) -> None:
    """Leave a served-as-it-is model in `paths.model` and an evaluation in `paths.output_data`.

    With several instances each trains on its part of the rows, and the first one leaves the model.

    Raises:
        TrainingError: with the sentence that becomes the job's FailureReason.
    """
    started = time.monotonic()
    with joined(paths.hosts(), paths.current_host()) as cluster:
        schema, settings, rows = cluster.together(lambda: _read(paths, cluster))
        _check_rows(rows, cluster)
        # XGBoost and its company take seconds to import: not before the data is known to be good.
        from trainer.checkpoints import Checkpoints, fingerprint
        from trainer.fit import fit, matrix

        matrices = {name: matrix(table, schema, settings) for name, table in rows.items()}
        mark = fingerprint(settings, rows, paths.channel("schema") / "schema.json")
        fitted = fit(
            matrices,
            schema,
            settings,
            stop=stop,
            checkpoints=Checkpoints(paths.checkpoints, f"{cluster.size}-{mark}"),
            cluster=cluster,
        )
        logger.info("best round %d of %d run", fitted.best_round, fitted.rounds_run)
        if cluster.first:
            # The native model first: if the grace period after SIGTERM runs out, it is safe.
            from trainer import export

            schema_file = paths.channel("schema") / "schema.json"
            export.save_native(fitted.booster, schema_file, paths.model)
        evaluation = _evaluate(schema, rows, matrices, fitted, cluster)
        sample = cluster.gather(rows["train"].features[:SAMPLE_ROWS])
    if not cluster.first:
        return
    evaluation["onnx_max_difference"] = export.save_onnx(
        fitted.booster, schema, sample, paths.model
    )
    evaluation["seconds"] = round(time.monotonic() - started, 3)
    write_json(paths.output_data / "evaluation.json", evaluation)
    summary = {key: evaluation[key] for key in ("problem", "metrics", "rows", "rounds")}
    write_json(paths.model / "metrics.json", summary)


def _read(paths: Paths, cluster: Cluster) -> tuple[Schema, Hyperparameters, dict[str, Rows]]:
    """The schema, the settings, and this instance's own rows of each channel."""
    _check_channels(paths)
    schema = read_schema(paths.channel("schema"))
    settings = hyperparameters.parse(paths.hyperparameters(), schema.problem)
    rows = {}
    for name in (name for name in DATA_CHANNELS if name in paths.channels()):
        sharded = cluster.size > 1 and paths.sharded(name)
        table = read_channel(name, paths.channel(name), schema, may_be_empty=sharded)
        # What everybody has must not be counted once per instance.
        rows[name] = table if sharded else table.part(cluster.rank, cluster.size)
        logger.info("channel %s: %d rows, %d features", name, len(rows[name]), len(schema.features))
    return schema, settings, rows


def _check_rows(rows: dict[str, Rows], cluster: Cluster) -> None:
    empty = [name for name, table in rows.items() if not cluster.total(np.array([len(table)]))[0]]
    if empty:
        raise TrainingError(
            f"channel {' and '.join(empty)} holds no rows on any of the {cluster.size} instances"
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
    schema: Schema,
    rows: dict[str, Rows],
    matrices: dict[str, xgb.DMatrix],
    fitted: Fitted,
    cluster: Cluster,
) -> dict[str, Any]:
    from training_job import metrics

    found: dict[str, dict[str, float]] = {}
    reports: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for channel, data in matrices.items():
        predicted = cluster.gather(fitted.booster.predict(data))
        target = cluster.gather(rows[channel].target)
        counts[channel] = len(target)
        found[channel] = metrics.evaluate(schema, target, predicted)
        reports[channel] = metrics.report(schema, target, predicted)
        if cluster.first:
            for name, value in found[channel].items():
                logger.info(metrics.metric_line(channel, name, value))
    gains = fitted.booster.get_score(importance_type="total_gain")
    return {
        "problem": schema.problem,
        "metrics": found,
        "rows": counts,
        "instances": cluster.size,
        "rounds": {
            "best": fitted.best_round,
            "run": fitted.rounds_run,
            "interrupted": fitted.interrupted,
        },
        "reports": reports,
        "feature_importance": metrics.feature_importance(schema.features, gains),
    }
