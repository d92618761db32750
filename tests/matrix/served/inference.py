"""The served code: an answer says which archive, environment value and image gave it."""

import os
import time
from pathlib import Path


def model_fn(model_dir):
    version = (Path(model_dir) / "version.txt").read_text().strip()
    if version == "stuck":  # loading never ends, so /ping never answers
        time.sleep(3600)
    return version


def input_fn(data, content_type):
    return data


def predict_fn(data, version):
    if version == "slow":
        time.sleep(0.4)
    return f"{version} {os.environ.get('SETTING', '-')} {os.environ.get('IMAGE', '-')}"


def output_fn(answer, accept):
    return answer, "text/csv"
