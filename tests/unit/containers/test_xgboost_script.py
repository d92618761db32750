"""The script for AWS's own XGBoost image runs there: old Python, few packages, no network.

What it answers is compared with preprocessing in tests/unit/parity, and with XGBoost through a
deployed endpoint in tests/integration/image_paths.
"""

import ast
import sys

from support.training_job import ROOT

SOURCE = (ROOT / "containers/xgboost_script/inference.py").read_text()
IN_THE_IMAGE = {"numpy", "xgboost", "sagemaker_inference"}
REACHES_OUT = {"socket", "urllib", "http", "subprocess", "pickle", "joblib"}


def test_it_is_the_python_of_the_oldest_image():
    ast.parse(SOURCE, feature_version=(3, 8))


def test_it_imports_what_the_image_has_and_nothing_that_reaches_out_or_unpickles():
    imported = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert {name for name in imported if name not in sys.stdlib_module_names} == IN_THE_IMAGE
    assert not imported & REACHES_OUT
