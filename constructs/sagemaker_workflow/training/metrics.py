"""Which numbers SageMaker reads from the trainer's output."""

from __future__ import annotations

METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("auc", "logloss", "accuracy"),
    "multiclass": ("accuracy", "mlogloss"),
    "regression": ("rmse", "mae", "r2"),
}


def metric_definitions(problem: str) -> list[dict[str, str]]:
    """One definition per split and metric, for the trainer's lines `metric test:auc=0.81`.

    Raises ValueError for a problem that no metric is known for.
    """
    if problem not in METRICS:
        raise ValueError(f"problem is {problem!r}, allowed is one of {', '.join(METRICS)}")
    return [
        {"Name": f"{split}:{name}", "Regex": f"metric {split}:{name}=([0-9.eE+-]+)"}
        for split in ("train", "validation", "test")
        for name in METRICS[problem]
    ]
