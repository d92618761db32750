"""`make pin`: digests as registries tell them, written where builds and synth read them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from support.aws_fakes import refused

from ops import digests, images
from ops.errors import OpsError
from sagemaker_workflow.managed_images import UNRESOLVED

DIGEST = f"sha256:{'1' * 64}"
MOVED = f"sha256:{'2' * 64}"
URI = "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.30.0"


@pytest.fixture
def dockerfile(tmp_path: Path) -> Path:
    path = tmp_path / "containers" / "trainer" / "Dockerfile"
    path.parent.mkdir(parents=True)
    path.write_text("# Built on\nARG BASE=python:3.11\nFROM ${BASE}\nARG BASE\n")
    return path


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "images.lock.json"
    regions = {
        "us-east-1": {"uri": URI, "digest": UNRESOLVED},
        "eu-west-1": {"uri": "known", "digest": DIGEST},
    }
    path.write_text(json.dumps({"format": 1, "images": [{"regions": regions}]}))
    return path


def told(lock: Path) -> list[str]:
    [image] = json.loads(lock.read_text())["images"]
    return [entry["digest"] for entry in image["regions"].values()]


def skopeo(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = folder / "bin" / "skopeo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > "$0.asked"\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def test_a_base_gets_its_digest_behind_its_tag_and_nothing_else_changes(
    dockerfile: Path, tmp_path: Path
) -> None:
    said = list(digests.pin_bases(tmp_path, lambda name: DIGEST))
    assert said == [f"containers/trainer/Dockerfile: python:3.11@{DIGEST}"]
    assert dockerfile.read_text() == (
        f"# Built on\nARG BASE=python:3.11@{DIGEST}\nFROM ${{BASE}}\nARG BASE\n"
    )


def test_a_base_whose_tag_moved_is_followed_and_one_that_did_not_is_left(
    dockerfile: Path, tmp_path: Path
) -> None:
    list(digests.pin_bases(tmp_path, lambda name: DIGEST))
    assert list(digests.pin_bases(tmp_path, lambda name: DIGEST)) == []
    list(digests.pin_bases(tmp_path, {"python:3.11": MOVED}.__getitem__))
    assert f"ARG BASE=python:3.11@{MOVED}\n" in dockerfile.read_text()


def test_an_aws_image_is_looked_up_once_and_then_kept(lock: Path) -> None:
    assert list(digests.pin_managed(lock, lambda uri: MOVED)) == [f"{URI}: {MOVED}"]
    assert told(lock) == [MOVED, DIGEST]
    assert list(digests.pin_managed(lock, lambda uri: pytest.fail("looked up again"))) == []


def test_what_no_registry_told_stays_unresolved(lock: Path) -> None:
    def look_up(uri: str) -> str:
        raise OpsError("no credentials")

    with pytest.raises(OpsError):
        list(digests.pin_managed(lock, look_up))
    assert told(lock) == [UNRESOLVED, DIGEST]


def test_a_digest_is_that_of_the_registrys_own_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OCI Distribution: a manifest's digest is the SHA-256 of its bytes as they are served."""
    program = skopeo(tmp_path, "printf '{\"a\": 1}'", monkeypatch)
    expected = hashlib.sha256(b'{"a": 1}').hexdigest()
    assert digests.of_registry("python:3.11") == f"sha256:{expected}"
    asked = program.with_name("skopeo.asked").read_text()
    assert asked == "inspect --raw docker://docker.io/library/python:3.11\n"


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("vllm/vllm-openai:v1", "docker.io/vllm/vllm-openai:v1"),
        ("public.ecr.aws/docker/library/python:3", "public.ecr.aws/docker/library/python:3"),
        ("localhost:5000/base:1", "localhost:5000/base:1"),
    ],
)
def test_a_short_name_means_what_it_means_to_docker(
    name: str, full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = skopeo(tmp_path, "echo {}", monkeypatch)
    digests.of_registry(name)
    assert program.with_name("skopeo.asked").read_text() == f"inspect --raw docker://{full}\n"


def test_a_registry_that_refuses_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skopeo(tmp_path, "echo time=1 >&2; echo 'manifest unknown' >&2; exit 1", monkeypatch)
    with pytest.raises(OpsError, match=r"digest of python:9 cannot .*: manifest unknown"):
        digests.of_registry("python:9")


def test_without_a_program_to_ask_with_it_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OpsError, match="neither skopeo nor docker") as told_:
        digests.of_registry("python:3.11")
    assert "apt-get install skopeo" in (told_.value.fix or "")


def test_an_aws_image_is_asked_for_in_its_own_region_and_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, Any] = {}

    def client(service: str, region_name: str) -> Any:
        asked.update(service=service, region=region_name)
        answer = {"images": [{"imageId": {"imageDigest": DIGEST}}]}
        return SimpleNamespace(batch_get_image=lambda **given: asked.update(given) or answer)

    monkeypatch.setattr(boto3, "client", client)
    assert digests.of_ecr(URI) == DIGEST
    assert (asked["service"], asked["region"]) == ("ecr", "us-east-1")
    assert (asked["registryId"], asked["repositoryName"]) == ("763104351884", "vllm")
    assert asked["imageIds"] == [{"imageTag": "0.30.0"}]


def test_without_permission_the_command_says_so_and_ends_with_1(
    lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def batch_get_image(**_: Any) -> None:
        raise refused("AccessDeniedException", "not yours", "BatchGetImage")

    fake = SimpleNamespace(batch_get_image=batch_get_image)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: fake)
    monkeypatch.setattr(images, "IMAGES", lock)
    assert images.main(["pin", "managed"]) == 1
    said = capsys.readouterr().err
    assert f"error: the digest of {URI} cannot be looked up" in said
    assert "what to do: export AWS_PROFILE=" in said
    assert told(lock) == [UNRESOLVED, DIGEST]
