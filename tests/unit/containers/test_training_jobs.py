"""A training job leaves a model, an evaluation and metrics that mean something."""

import json
import re

import pytest

from sagemaker_workflow.training.metrics import metric_definitions

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
def test_every_metric_definition_reads_what_a_job_prints_and_it_is_sane(trained, problem):
    """Contracts 1.6: each line is searched, and group 1 is the value."""
    log = (trained(problem).base / "log").read_text().splitlines()
    definitions = metric_definitions(problem)
    assert {one["Name"].partition(":")[2] for one in definitions} == set(PROBLEMS[problem])
    for metric in definitions:
        found = [match for line in log if (match := re.search(metric["Regex"], line))]
        low, high = PROBLEMS[problem][metric["Name"].partition(":")[2]]
        assert low <= float(found[-1][1]) <= high, metric["Name"]


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
