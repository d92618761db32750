"""A job that cannot train says why in one sentence, and leaves the trace to the log."""

import json
import signal

import pytest


def columns(*rows):
    return {"train.csv": "".join(row + "\n" for row in rows)}


GOOD = ["0,1,800,3,1", "1,2,900,4,0"]

FAULTS = {
    "ragged_rows": (
        columns(*GOOD, "1,2,900,4"),
        "row 3 has 4 columns where the rows before it have 5",
    ),
    "a_wrong_number_of_columns": (columns("0,1,2", "1,2,3"), "has 3 columns, the schema has 5"),
    "text": (
        columns(*GOOD, "1,UA,900,4,0"),
        "row 3, column 2 (carrier) holds 'UA'; allowed: a number",
    ),
    "a_header_line": (columns("outcome,carrier,a,b,c", *GOOD), "is there a header line"),
    "a_label_out_of_range": (columns(*GOOD, "2,1,1,1,1"), "row 3: the target outcome is 2"),
    "a_fractional_label": (columns(*GOOD, "0.5,1,1,1,1"), "the class codes 0 to 1 (no, yes)"),
    "a_missing_target": (columns(*GOOD, ",1,1,1,1"), "row 3: the target outcome is missing"),
    "a_number_too_large": (columns(*GOOD, "1,1,1e39,1,1"), "column 3 (distance) is not a finite"),
    "one_class_only": (columns("1,1,1,1,1", "1,2,2,2,2"), "has the target outcome = 'yes'"),
    "an_empty_file": ({"train.csv": ""}, "channel train holds no rows: train.csv is empty"),
    "no_file": ({}, "channel train holds no file"),
    "bytes_that_are_not_text": ({"train.csv": b"\xff\xfe\x00"}, "is not text in UTF-8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_training_data_with(training_job, fault):
    content, sentence = FAULTS[fault]
    training_job.data("binary").hyperparameters()
    (training_job.base / "input/data/train/train.csv").unlink()
    training_job.channel("train", content)
    finished = training_job.run()
    assert finished.code == 1
    assert sentence in (finished.failure or "")
    assert "Traceback" not in finished.failure
    assert "\n" not in finished.failure
    assert "Traceback" in finished.log
    assert not (training_job.model / "model.onnx").exists()


def test_names_the_channel_that_is_missing(training_job):
    training_job.channel("train", columns(*GOOD))
    finished = training_job.run()
    assert finished.code == 1
    assert finished.failure.startswith("channel schema is missing; the job has train;")


def test_names_every_bad_hyperparameter_at_once(training_job):
    training_job.data("binary")
    training_job.hyperparameters(
        max_dept="3", eta="fast", subsample="1.5", objective="reg:logistic", num_round="2.5"
    )
    failure = training_job.run().failure
    assert "max_dept is unknown, did you mean max_depth?" in failure
    assert "eta is 'fast', allowed: a number above 0 to 1" in failure
    assert "subsample is '1.5'" in failure
    assert "objective is 'reg:logistic', allowed: binary:logistic" in failure
    assert "num_round is '2.5', allowed: a whole number from 1" in failure


def test_refuses_early_stopping_with_nothing_to_watch(training_job):
    training_job.channel("schema", {"schema.json": json.dumps(SCHEMA)})
    training_job.channel("train", columns("1.5,1", "2.5,2"))
    training_job.hyperparameters(early_stopping_rounds="5")
    assert "there is no channel validation" in training_job.run().failure


SCHEMA = {
    "format": 1,
    "problem": "regression",
    "target": {"name": "outcome", "classes": None},
    "features": [{"name": "distance", "type": "number"}],
}


def test_trains_on_one_channel_alone(training_job):
    training_job.channel("schema", {"schema.json": json.dumps(SCHEMA)})
    training_job.channel("train", columns("1.5,1", "2.5,2", "3.5,"))
    training_job.hyperparameters()
    assert training_job.run().code == 0
    assert list(json.loads((training_job.model / "metrics.json").read_text())["metrics"]) == [
        "train"
    ]


def test_refuses_a_schema_that_describes_nothing(training_job):
    training_job.channel("schema", {"schema.json": '{"format": 2}'})
    training_job.channel("train", columns(*GOOD))
    assert (
        training_job.run().failure
        == "schema.json cannot be used: format is 2, this trainer reads 1"
    )


def test_takes_hyperparameters_as_the_sdk_encodes_them(training_job):
    training_job.data("multiclass").hyperparameters(
        objective='"multi:softprob"', sagemaker_program='"x.py"', num_round="3"
    )
    finished = training_job.run()
    assert finished.code == 0, finished.log


def test_the_same_seed_gives_the_same_model(training_job, tmp_path):
    models = []
    for _ in range(2):
        training_job.data("binary").hyperparameters(subsample="0.7", seed="5", num_round="5")
        assert training_job.run().code == 0
        models.append((training_job.model / "model.json").read_bytes())
    assert models[0] == models[1]


def test_sigterm_saves_the_best_model_so_far_and_ends_in_time(training_job):
    training_job.data("binary").hyperparameters(
        num_round="100000", early_stopping_rounds="0", log_period="20", max_depth="2"
    )
    process = training_job.start()
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("round "):
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert (training_job.model / "model.onnx").exists()
    rounds = json.loads((training_job.model / "metrics.json").read_text())["rounds"]
    assert rounds["interrupted"] is True
    assert 20 <= rounds["best"] < 100000


def test_splits_categories_as_sets_when_asked_and_still_agrees_with_onnx(training_job):
    training_job.data("multiclass").hyperparameters(enable_categorical="true", num_round="5")
    assert training_job.run().code == 0
    evaluation = json.loads((training_job.base / "output/data/evaluation.json").read_text())
    assert evaluation["onnx_max_difference"] <= 1e-5


def test_refuses_to_split_many_categories_as_sets(training_job):
    training_job.data("binary").hyperparameters(enable_categorical="true")
    schema = json.loads((training_job.base / "input/data/schema/schema.json").read_text())
    schema["features"][0]["categories"] = [str(code) for code in range(65)]
    training_job.channel("schema", {"schema.json": json.dumps(schema)})
    assert "carrier (65) has more than 64 categories" in training_job.run().failure
