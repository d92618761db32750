"""An image holds one folder, so what both training images need is in both, word for word."""

import pytest
from support.training_job import ROOT


@pytest.mark.parametrize("name", ["failure", "paths", "rules", "schema", "channels", "metrics"])
def test_both_training_images_have_the_same(name):
    ours = (ROOT / f"containers/trainer/{name}.py").read_text()
    theirs = (ROOT / f"containers/torch_trainer/{name}.py").read_text()
    assert theirs == ours.replace("from trainer", "from torch_trainer")
