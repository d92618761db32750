"""A training job leaves a model, an evaluation and metrics that mean something."""

import json
import re

import pytest

PROBLEMS = {
    "binary": {"auc": (0.9, 1), "logloss": (0, 0.5), "accuracy": (0.8, 1)},
    "multiclass": {"accuracy": (0.7, 1), "mlogloss": (0, 0.7)},
    "regression": {"rmse": (0, 7), "mae": (0, 6), "r2": (0.7, 1)},
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_job_leaves_a_model_with_its_schema_and_evaluation(trained, problem):
    job = trained(problem)
    assert sorted(path.name for path in job.model.iterdir()) == [
        "metrics.json",
        "model.json",
        "model.onnx",
        "schema.json",
    ]
    evaluation = json.loads((job.base / "output/data/evaluation.json").read_text())
    assert evaluation["rows"] == {"train": 600, "validation": 200, "test": 200}
    assert evaluation["onnx_max_difference"] <= 1e-5
    assert sum(evaluation["feature_importance"].values()) == pytest.approx(1)
    assert next(iter(evaluation["feature_importance"])) in ("distance", "carrier")


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("channel", ["train", "validation", "test"])
def test_every_metric_is_printed_for_the_metric_definitions_and_is_sane(trained, problem, channel):
    log = (trained(problem).base / "log").read_text()
    for name, (low, high) in PROBLEMS[problem].items():
        values = re.findall(rf"metric {channel}:{name}=([0-9.eE+-]+)", log)
        assert low <= float(values[-1]) <= high, name


def test_a_job_keeps_nothing_about_its_model_to_tell_its_librarys_makers(training_job, tmp_path):
    (tmp_path / "home").mkdir()
    job = training_job.data("binary").hyperparameters(num_round="1")
    finished = job.finish(job.start(HOME=str(tmp_path / "home")))
    assert finished.code == 0, finished.log
    assert not list((tmp_path / "home").rglob("*"))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_model_of_a_single_tree_is_converted_as_what_it_is(training_job, problem):
    job = training_job.data(problem).hyperparameters(num_round="1")
    finished = job.run()
    assert finished.code == 0, finished.log
    evaluation = json.loads((job.base / "output/data/evaluation.json").read_text())
    assert evaluation["onnx_max_difference"] <= 1e-5
