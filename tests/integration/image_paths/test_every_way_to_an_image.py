"""Each way to an image is deployed by the CDK CLI, answers right, and fails with its reason.

The model is really trained by containers/trainer; what is right is what XGBoost itself says of it.
"""

from __future__ import annotations

import csv
import io
import json
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import cdk_cli
from support.local_aws_server import REPOSITORY, LocalAws
from support.training_job import CLASSES, FEATURES, TrainingJob

HERE = Path(__file__).parent
CONTAINERS = REPOSITORY / "containers"
BUCKET = "paths-artifacts"
GOOD = ("paths-managed", "paths-custom", "paths-script")
LIKE_OURS = ("paths-managed", "paths-custom")
# What a client sends, and the numbers the model was trained on: categories as codes.
RAW = [
    ["UA", "1300.5", "7", "true"],
    ["AA", "200", "1", "no"],
    ["", "", "", ""],
    ["ZZ", "800", "12", "1"],
]
CODES = [["2", "1300.5", "7", "1"], ["0", "200", "1", "0"], [""] * 4, ["", "800", "12", "1"]]
ASK_XGBOOST = """
import json, sys, numpy as np, xgboost as xgb
booster = xgb.Booster(model_file=sys.argv[1])
rows = np.array([[float(cell or "nan") for cell in row] for row in json.load(sys.stdin)])
kinds = booster.feature_types
matrix = xgb.DMatrix(rows, feature_types=kinds, enable_categorical="c" in (kinds or []))
print(json.dumps(booster.predict(matrix).tolist()))
"""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """The three endpoints, and what XGBoost says of the rows they are asked about."""

    aws: LocalAws
    folder: Path
    chances: list[list[float]]

    @property
    def labels(self) -> list[str]:
        return [CLASSES["multiclass"][row.index(max(row))] for row in self.chances]

    def cdk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return cdk_cli.cdk(self.aws, self.folder, *arguments)

    def deploy(self, *stacks: str) -> subprocess.CompletedProcess[str]:
        arguments = ("--app", "cdk.out", "--require-approval", "never")
        return self.cdk("deploy", *arguments, "--exclusively", "--concurrency", "3", *stacks)

    def ask(self, endpoint: str, body: str, content_type: str, accept: str) -> str:
        answer = self.aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=body.encode(), ContentType=content_type, Accept=accept
        )
        return str(answer["Body"].read().decode())


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("paths")
    job = TrainingJob(folder / "ml")
    job.configure("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    finished = job.data("multiclass").hyperparameters().run()
    assert finished.code == 0, finished.log
    with LocalAws.started(folder / "aws", enforce=True, time_factor=20) as aws:
        _upload(aws, job.model, folder)
        made = Deployed(aws=aws, folder=folder, chances=_xgboost(job.model / "model.json"))
        cdk_cli.bootstrap(aws, folder)
        synthesised = cdk_cli.cdk(
            aws,
            folder,
            *("synth", "--quiet", "--app", cdk_cli.app(HERE / "app.py")),
            environment={"CONTAINERS": str(CONTAINERS)},
        )
        assert synthesised.returncode == 0, synthesised.stderr
        for stacks in (["paths-images"], GOOD):
            done = made.deploy(*stacks)
            assert done.returncode == 0, done.stdout + done.stderr + aws.log[-3000:]
            if stacks == ["paths-images"]:
                _push(aws)
        yield made


@pytest.mark.parametrize("endpoint", LIKE_OURS)
def test_boto3_gets_labels_and_chances_for_raw_rows(deployed: Deployed, endpoint: str) -> None:
    body = "".join(",".join(row) + "\n" for row in RAW)
    answer = deployed.ask(endpoint, body, "text/csv", "application/json")
    predictions = json.loads(answer)["predictions"]
    assert [one["label"] for one in predictions] == deployed.labels
    for one, chances in zip(predictions, deployed.chances, strict=True):
        assert list(one["probabilities"].values()) == pytest.approx(chances, abs=1e-5)


@pytest.mark.parametrize("endpoint", LIKE_OURS)
def test_every_form_of_a_request_is_answered_alike(deployed: Deployed, endpoint: str) -> None:
    names = [str(feature["name"]) for feature in FEATURES]
    rows = [dict(zip(names, [cell or None for cell in row], strict=True)) for row in RAW]
    header = "".join(",".join(row) + "\n" for row in [names, *RAW])
    forms = {
        "text/csv": header,
        "application/json": json.dumps({"instances": rows}),
        "application/jsonlines": "\n".join(map(json.dumps, rows)),
    }
    answers = [deployed.ask(endpoint, body, kind, "text/csv") for kind, body in forms.items()]
    assert answers[0] == answers[1] == answers[2]
    table = list(csv.reader(io.StringIO(answers[0])))
    assert [row[0] for row in table] == deployed.labels
    assert [float(cell) for row in table for cell in row[1:]] == pytest.approx(
        [chance for row in deployed.chances for chance in row], abs=1e-5
    )


def test_a_users_script_on_our_image_answers_in_its_own_words(deployed: Deployed) -> None:
    codes = [[float(cell or "nan") for cell in row] for row in CODES[:2]]
    body = json.dumps({"codes": codes})
    answer = json.loads(deployed.ask("paths-script", body, "application/json", "*/*"))
    assert [one["species"] for one in answer] == deployed.labels[:2]
    assert [one["chance"] for one in answer] == pytest.approx(
        [max(row) for row in deployed.chances[:2]], abs=1e-5
    )


def test_the_sagemaker_sdk_asks_each_of_them(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in deployed.aws.environment().items():
        monkeypatch.setenv(name, value)
    from sagemaker.core.resources import Endpoint

    csv_row = {"body": ",".join(RAW[0]).encode(), "content_type": "text/csv"}
    codes = [[float(cell) for cell in CODES[0]]]
    own = {
        "body": json.dumps({"codes": codes}).encode(),
        "content_type": "application/json",
    }
    for name in GOOD:
        request = own if name == "paths-script" else csv_row
        answer = Endpoint.get(endpoint_name=name).invoke(accept="application/json", **request)
        assert deployed.labels[0] in answer.body.read().decode()


@pytest.mark.parametrize("endpoint", LIKE_OURS)
@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        ("UA,far,7,true", "text/csv", 400, "column distance: 'far' is not allowed"),
        ("UA,1,7", "text/csv", 400, "4"),
        ('{"instances": [{"carier": "UA"}]}', "application/json", 400, "carier"),
        ("[1, 2", "application/json", 400, "JSON"),
        ("<row/>", "text/xml", 415, "text/xml"),
    ],
)
def test_a_bad_request_is_refused_alike_by_both_images(
    deployed: Deployed, endpoint: str, body: str, content_type: str, status: int, words: str
) -> None:
    runtime = deployed.aws.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as refused:
        deployed.ask(endpoint, body, content_type, "application/json")
    assert refused.value.response["OriginalStatusCode"] == status
    assert words in refused.value.response["OriginalMessage"]


REASONS = {
    "paths-no-stand-in": (
        "the local AWS has no stand-in for the AWS image sagemaker-scikit-learn:1.9-0"
    ),
    "paths-no-tag": "paths-local/inference_server:0123456789abcdef not found",
    "paths-broken-archive": "broken-archive/model.tar.gz cannot be read",
    "paths-pickle-only": "model.pkl is a pickle, which can run any code when it is loaded",
}


@pytest.fixture(scope="module")
def failed(deployed: Deployed) -> dict[str, subprocess.CompletedProcess[str]]:
    """Each stack that must not come up, deployed beside the others."""
    with ThreadPoolExecutor(len(REASONS)) as several:
        return dict(zip(REASONS, several.map(deployed.deploy, REASONS), strict=True))


@pytest.mark.parametrize("stack", REASONS)
def test_a_model_that_cannot_be_served_rolls_its_stack_back_with_the_reason(
    deployed: Deployed, failed: dict[str, subprocess.CompletedProcess[str]], stack: str
) -> None:
    said = failed[stack].stdout + failed[stack].stderr
    assert failed[stack].returncode != 0
    assert REASONS[stack] in " ".join(said.split()), said
    [found] = deployed.aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    live = deployed.aws.client("sagemaker").list_endpoints()["Endpoints"]
    assert sorted(one["EndpointName"] for one in live) == sorted(GOOD)


def _upload(aws: LocalAws, model: Path, folder: Path) -> None:
    """An archive for each stack."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)

    def put(name: str, *members: tuple[Path, str]) -> Path:
        packed = folder / f"{name}.tar.gz"
        with tarfile.open(packed, "w:gz") as archive:
            for path, place in members:
                archive.add(path, place)
        s3.upload_file(str(packed), BUCKET, f"{name}/model.tar.gz")
        return packed

    trained: Callable[[str], tuple[Path, str]] = lambda name: (model / name, name)  # noqa: E731
    script = CONTAINERS / "xgboost_script/inference.py"
    put("managed", trained("model.json"), trained("schema.json"), (script, "code/inference.py"))
    whole = put("custom", (model, "."))
    own = HERE / "inference.py"
    put("script", trained("model.onnx"), trained("schema.json"), (own, "code/inference.py"))
    broken = folder / "broken"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    s3.upload_file(str(broken), BUCKET, "broken-archive/model.tar.gz")
    pickled = folder / "model.pkl"
    pickled.write_bytes(pickle.dumps({"weights": [1.0]}))
    put("pickle-only", (pickled, "model.pkl"))


def _push(aws: LocalAws) -> None:
    """The command a person types; the image is where `paths` publishes it to be."""
    environment = aws.environment() | {"WORKFLOW_PROJECT": "paths", "WORKFLOW_ENV": "local"}
    done = subprocess.run(
        [sys.executable, "-m", "ops", "images", "push"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "paths-local/inference_server" in done.stdout.replace("\n", "")


def _xgboost(model: Path) -> list[list[float]]:
    asked = subprocess.run(
        [str(REPOSITORY / ".venvs/trainer/bin/python"), "-c", ASK_XGBOOST, str(model)],
        input=json.dumps(CODES),
        capture_output=True,
        text=True,
        check=True,
    )
    answer: list[list[float]] = json.loads(asked.stdout)
    return answer
