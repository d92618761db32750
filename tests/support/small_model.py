"""The smallest XGBoost model that answers, as the archive SageMaker loads."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from support.local_aws_server import REPOSITORY

_TRAIN = """
import numpy, sys, xgboost
rows = numpy.random.default_rng(1).random((200, 3))
data = xgboost.DMatrix(rows, (rows[:, 0] > 0.5).astype(int))
xgboost.train({"objective": "binary:logistic"}, data, 5).save_model(sys.argv[1])
"""


def model_archive(folder: Path) -> Path:
    """`xgboost-model.tar.gz` in the folder: three columns, one probability."""
    trained = folder / "xgboost-model.json"
    python = REPOSITORY / ".venvs/trainer/bin/python"
    subprocess.run([str(python), "-c", _TRAIN, str(trained)], check=True)
    return archive(trained.rename(folder / "xgboost-model"))


def archive(content: Path) -> Path:
    """A .tar.gz that holds the one file, which is made empty when it is not there."""
    content.touch()
    packed = content.with_name(f"{content.name}.tar.gz")
    with tarfile.open(packed, "w:gz") as made:
        made.add(content, content.name)
    return packed
