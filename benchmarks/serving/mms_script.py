"""The toolkit's handler functions for the sample's pickled model: what MMS serves."""

import io
import os
from pathlib import Path

import joblib
import pandas as pd


def model_fn(model_dir):
    return joblib.load(Path(os.environ["MODEL_FOLDER"]) / "sample" / "model.joblib")


def input_fn(data, content_type):
    return pd.read_csv(io.StringIO(data), header=None).to_numpy()


def predict_fn(data, model):
    return model.predict(data)


def output_fn(prediction, accept):
    return "\n".join(map(str, prediction)), "text/csv"
