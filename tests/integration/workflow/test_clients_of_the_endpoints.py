"""boto3, the AWS CLI, the SageMaker SDK v3 and `ops invoke` all get the same predictions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ops import endpoints
from ops.__main__ import app
from ops.cdk import ROOT
from ops.errors import OpsError

DIRECT = ("realtime", "serverless")


@pytest.fixture
def request_csv(workflow: Any) -> Path:
    return Path(workflow.where.samples / "request.csv")


@pytest.fixture
def expected(workflow: Any, request_csv: Path) -> list[dict[str, Any]]:
    """What boto3 gets from the real-time endpoint."""
    answer = workflow.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="flights-local-realtime",
        Body=request_csv.read_bytes(),
        ContentType="text/csv",
        Accept="application/json",
    )
    predictions: list[dict[str, Any]] = json.loads(answer["Body"].read())["predictions"]
    return predictions


def test_predictions_are_probabilities_of_the_classes(expected: list[dict[str, Any]]) -> None:
    assert len(expected) == 5
    for prediction in expected:
        assert set(prediction["probabilities"]) == {"0", "1"}
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    # Different flights: a model that always says the same would pass everything above.
    assert len({p["probabilities"]["1"] for p in expected}) > 1


@pytest.mark.parametrize("name", [*DIRECT, "async"])
@pytest.mark.parametrize("form", ["request.csv", "request.json"])
def test_ops_invoke_gets_the_same_from_every_kind_and_form(
    workflow: Any, expected: list[dict[str, Any]], name: str, form: str
) -> None:
    told = CliRunner().invoke(app, ["invoke", name, "--data", str(workflow.where.samples / form)])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["predictions"] == expected


@pytest.mark.parametrize("name", [*DIRECT, "async"])
def test_the_sagemaker_sdk_gets_the_same(
    workflow: Any, expected: list[dict[str, Any]], request_csv: Path, name: str
) -> None:
    told = CliRunner().invoke(app, ["invoke", name, "--data", str(request_csv), "--sdk"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["predictions"] == expected


@pytest.mark.parametrize("name", DIRECT)
def test_the_aws_cli_gets_the_same(
    expected: list[dict[str, Any]], request_csv: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out.json"
    command = [str(ROOT / ".venv/bin/aws"), "sagemaker-runtime", "invoke-endpoint"]
    command += ["--endpoint-name", f"flights-local-{name}", "--body", f"fileb://{request_csv}"]
    command += ["--content-type", "text/csv", "--accept", "application/json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["InvokedProductionVariant"] == "primary"
    assert json.loads(out.read_text())["predictions"] == expected


def test_the_aws_cli_lists_what_is_deployed() -> None:
    command = [str(ROOT / ".venv/bin/aws"), "sagemaker", "list-endpoints", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["Endpoints"]) == 3


def test_a_real_time_call_of_an_asynchronous_endpoint_is_refused(
    workflow: Any, request_csv: Path
) -> None:
    with pytest.raises(ClientError) as told:
        workflow.client("sagemaker-runtime").invoke_endpoint(
            EndpointName="flights-local-async", Body=request_csv.read_bytes()
        )
    assert told.value.response["Error"]["Code"] == "ValidationError"


@pytest.mark.parametrize("name", [*DIRECT, "async"])
def test_a_row_of_the_wrong_length_is_told_in_the_models_words(
    workflow: Any, tmp_path: Path, name: str
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("1,2,3\n")
    endpoint = endpoints.resolve(workflow.deployment, name)
    with pytest.raises(OpsError, match="row 1 has 3 values"):
        endpoints.ask(endpoint, short.read_bytes(), content_type="text/csv", accept="text/csv")
