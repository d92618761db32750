"""Nothing knows the flights: another table, three classes, missing measurements, the same loop.

`config/examples/penguins.toml` is copied to a folder of its own, the real penguins are sent in
with a few rows more whose species nobody wrote down, and `make local` does the rest.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from support.local_aws_server import ACCOUNT, REGION, REPOSITORY
from support.ports import free_port

NAMED = "penguins-penguins"
# Palmer's 344 penguins; two of them were not measured at all, eleven have no sex.
PENGUINS = 344
WITHOUT_SPECIES = [",Biscoe,40.1,18.2,190,3900,male,2008", "  ,Dream,,,,,,2009"]
BROKEN = "Gentoo,Biscoe,wide,15,215,5000,male,2009"


@dataclass(frozen=True, kw_only=True)
class Loop:
    """The workflow of the penguins, deployed, fed and asked once."""

    port: int
    said: str
    rows: list[dict[str, str]]

    def client(self, service: str) -> Any:
        return boto3.Session(
            aws_access_key_id=ACCOUNT, aws_secret_access_key="local", region_name=REGION
        ).client(service, endpoint_url=f"http://127.0.0.1:{self.port}")  # type: ignore[call-overload]

    def published(self, path: str) -> str:
        name = f"/penguins/penguins/{path}"
        return str(self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])

    def objects(self, bucket: str, ending: str) -> list[str]:
        """The texts of a bucket's objects with this ending, in their keys' order."""
        s3 = self.client("s3")
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        keys = sorted(one["Key"] for one in found if one["Key"].endswith(ending))
        return [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]

    def metadata(self) -> dict[str, str]:
        """What the approved model says of itself."""
        sagemaker = self.client("sagemaker")
        [package] = sagemaker.list_model_packages(ModelPackageGroupName=NAMED)[
            "ModelPackageSummaryList"
        ]
        assert package["ModelApprovalStatus"] == "Approved"
        described = sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
        return dict(described["CustomerMetadataProperties"])

    def species(self, rows: list[dict[str, str]]) -> list[str]:
        """What the serverless endpoint takes them for."""
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.published("endpoints/serverless"),
            ContentType="text/csv",
            Accept="text/csv",
            Body=as_request(rows).encode(),
        )
        table = csv.reader(io.StringIO(answer["Body"].read().decode()))
        return [row[0] for row in table]


def as_request(rows: list[dict[str, str]]) -> str:
    """Raw rows as a client sends them: named columns, neither the target nor what is dropped."""
    names = [name for name in rows[0] if name not in ("species", "year")]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    home = tmp_path_factory.mktemp("penguins")
    (home / "config").mkdir()
    shutil.copy(REPOSITORY / "config/examples/penguins.toml", home / "config")
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "WORKFLOW_"))}
    environment |= {
        "WORKFLOW_ENV": "penguins",
        "WORKFLOW_CONFIG": str(home / "config"),
        "WORKFLOW_LOCAL_HOME": str(home / "local"),
        "COLUMNS": "200",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    raw, port = home / "penguins.csv", free_port()
    run("ops.samples", "penguins", "--out", str(raw))
    with raw.open("a") as file:
        file.write("".join(f"{line}\n" for line in (*WITHOUT_SPECIES, BROKEN)))
    with raw.open(newline="") as file:
        rows = list(csv.DictReader(file))[:PENGUINS]
    try:
        said = run(
            *("ops", "local", "up", "--enforce", "--time-factor", "20"),
            *("--port", str(port), "--data", str(raw)),
        )
        yield Loop(port=port, said=said, rows=rows)
    finally:
        run("ops", "local", "down")


def test_the_endpoint_names_the_species_of_the_real_penguins(loop: Loop) -> None:
    told = loop.species(loop.rows)
    right = sum(one == row["species"] for one, row in zip(told, loop.rows, strict=True))
    assert right / PENGUINS > 0.97, f"{right} of {PENGUINS}"
    # Of the penguins that training never saw, as the model itself says.
    assert float(loop.metadata()["test:accuracy"]) > 0.9


def test_a_penguin_that_was_not_measured_gets_an_answer(loop: Loop) -> None:
    unmeasured = [row for row in loop.rows if not row["bill_length_mm"]]
    assert len(unmeasured) == 2
    assert set(loop.species(unmeasured)) <= {"Adelie", "Chinstrap", "Gentoo"}
    assert loop.species([{**loop.rows[0], "island": "", "sex": "unheard of"}]) == ["Adelie"]


def test_batch_transform_says_of_each_penguin_what_the_endpoint_says(loop: Loop) -> None:
    [text] = loop.objects(loop.published("storage/artifacts-bucket"), ".csv.out")
    answers = [line.split(",") for line in text.splitlines()]
    # `make local` leaves out what Ingest has set aside.
    assert [row[0] for row in answers] == loop.species(loop.rows)
    for row in answers:
        assert len(row) == 4
        assert sum(map(float, row[1:])) == pytest.approx(1, abs=1e-4)


def test_rows_without_a_species_are_set_aside_with_the_reason(loop: Loop) -> None:
    [text] = loop.objects(loop.published("storage/processed-bucket"), "quarantine/rows.csv")
    found = [(row["raw"], row["reason"]) for row in csv.DictReader(io.StringIO(text))]
    missing = "species: the target is missing"
    assert found == [
        *((line, missing) for line in WITHOUT_SPECIES),
        (BROKEN, "bill_length_mm: not a finite 32-bit number ('wide')"),
    ]
    assert f"{PENGUINS + 3} rows in" in " ".join(loop.said.split())


def test_the_stacks_are_those_of_the_file_and_no_name_is_the_flights(loop: Loop) -> None:
    stacks = loop.client("cloudformation").list_stacks()["StackSummaries"]
    named = {one["StackName"] for one in stacks} - {"CDKToolkit"}
    parts = ("storage", "preprocessing", "training", "endpoint-serverless", "batch")
    assert named == {f"{NAMED}-{part}" for part in parts}
    assert "flights" not in loop.said
