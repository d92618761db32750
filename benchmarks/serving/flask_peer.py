"""The shape of AWS's own bring-your-own scikit-learn container: Flask, pandas, a pickled model."""

import io
import os
from pathlib import Path

import flask
import joblib
import pandas as pd

app = flask.Flask(__name__)
_models: list = []


def model():
    if not _models:
        _models.append(joblib.load(Path(os.environ["MODEL_FOLDER"]) / "sample" / "model.joblib"))
    return _models[0]


@app.route("/ping", methods=["GET"])
def ping():
    status = 200 if model() is not None else 404
    return flask.Response(response="\n", status=status, mimetype="application/json")


@app.route("/invocations", methods=["POST"])
def invocations():
    if flask.request.content_type != "text/csv":
        return flask.Response("only CSV", status=415, mimetype="text/plain")
    table = pd.read_csv(io.StringIO(flask.request.data.decode()), header=None)
    predictions = model().predict(table.to_numpy())
    out = io.StringIO()
    pd.DataFrame({"results": predictions}).to_csv(out, header=False, index=False)
    return flask.Response(response=out.getvalue(), status=200, mimetype="text/csv")
