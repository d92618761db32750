"""The served code: an answer says which archive, environment value, image and process gave it."""

import os
import time
import uuid
from pathlib import Path

PROCESS = uuid.uuid4().hex[:8]
# At any rate some answers of every two seconds are slow, and all others are given in between.
SLOW_SECONDS, PAUSE_SECONDS = 1.5, 0.3
slow_until = 0.0


def model_fn(model_dir):
    version = (Path(model_dir) / "version.txt").read_text().strip()
    if version == "stuck":  # loading never ends, so /ping never answers
        time.sleep(3600)
    return version


def input_fn(data, content_type):
    return data


def predict_fn(data, version):
    global slow_until
    if version == "slow" and time.monotonic() > slow_until + PAUSE_SECONDS:
        time.sleep(SLOW_SECONDS)
        slow_until = time.monotonic()
    setting, image = os.environ.get("SETTING", "-"), os.environ.get("IMAGE", "-")
    return f"{version} {setting} {image} {PROCESS}"


def output_fn(answer, accept):
    return answer, "text/csv"
