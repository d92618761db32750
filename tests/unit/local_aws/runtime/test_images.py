"""From image URI to process: annotations of our own images, stand-ins for AWS's."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.runtime import images
from local_aws.runtime.containers import RuntimeFailure

ROLE = "arn:aws:iam::222233334444:role/execution"
REGISTRY = "222233334444.dkr.ecr.us-east-1.amazonaws.com"


def test_our_image_runs_its_folder_with_its_own_environment(aws: Any, image: Any) -> None:
    launch = images.resolve(image.add("trainer", ""), ROLE)
    assert launch.argv == ("python", "-m", "trainer")
    assert launch.folder == image.root / "containers/trainer"
    assert launch.env["PATH"].startswith(str(image.root / ".venvs/trainer/bin"))
    assert launch.env["PYTHONPATH"] == str(image.root / "containers")
    assert aws.roles_used == {ROLE}


def test_refuses_an_image_that_is_not_there(aws: Any, image: Any) -> None:
    uri = image.add("trainer", "")
    with pytest.raises(RuntimeFailure, match="is not in repository 'flights/trainer'"):
        images.resolve(uri.replace(":1", ":2"), ROLE)
    with pytest.raises(RuntimeFailure, match="there is no repository 'flights/other'"):
        images.resolve(f"{REGISTRY}/flights/other:1", ROLE)


def test_refuses_a_role_that_may_not_pull(aws: Any, image: Any) -> None:
    aws.denied.add("ecr:BatchGetImage")
    with pytest.raises(RuntimeFailure, match="is not authorized to perform: ecr:BatchGetImage"):
        images.resolve(image.add("trainer", ""), ROLE)


def test_refuses_an_image_without_our_annotation(aws: Any, image: Any) -> None:
    uri = image.add("trainer", "")
    aws.images["flights/trainer:1"] = None
    with pytest.raises(
        RuntimeFailure, match=r"carries no annotation sagemaker-workflow\.container"
    ):
        images.resolve(uri, ROLE)


def test_refuses_an_image_without_an_exec_form_entrypoint(aws: Any, image: Any) -> None:
    uri = image.add("trainer", "")
    aws.images["flights/trainer:1"] = {images.ANNOTATION_CONTAINER: "trainer"}
    with pytest.raises(RuntimeFailure, match="has no exec-form ENTRYPOINT"):
        images.resolve(uri, ROLE)


@pytest.mark.parametrize("name", ["gone", "../ops", "trainer/../trainer"])
def test_refuses_a_container_without_a_folder(aws: Any, image: Any, name: str) -> None:
    uri = image.add("trainer", "")
    aws.images["flights/trainer:1"][images.ANNOTATION_CONTAINER] = name
    with pytest.raises(RuntimeFailure, match="there is no"):
        images.resolve(uri, ROLE)


def test_a_missing_environment_says_make_install(aws: Any, image: Any) -> None:
    uri = image.add("trainer", "")
    (image.root / ".venvs/trainer/bin/python").unlink()
    with pytest.raises(RuntimeFailure, match="run `make install`"):
        images.resolve(uri, ROLE)


def test_refuses_an_aws_image_without_a_stand_in_by_name(aws: Any) -> None:
    uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
    with pytest.raises(RuntimeFailure) as refusal:
        images.resolve(uri, ROLE)
    assert "no stand-in for the AWS image pytorch-inference:2.6.0" in refusal.value.reason
    assert "known: sagemaker-spark-processing, sagemaker-xgboost" in refusal.value.reason


def test_a_stand_in_without_its_library_says_make_install(aws: Any, image: Any) -> None:
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    with pytest.raises(RuntimeFailure, match=r"needs xgboost.*run `make install`"):
        images.resolve(uri, ROLE)


@pytest.mark.parametrize("uri", ["python:3.12", "docker.io/library/python", "", f"{REGISTRY}/A:1"])
def test_refuses_what_is_no_ecr_image(aws: Any, uri: str) -> None:
    with pytest.raises(RuntimeFailure, match="is not an ECR image"):
        images.resolve(uri, ROLE)


def test_a_uri_has_a_tag_a_digest_or_latest() -> None:
    digest = "sha256:" + "a" * 64
    assert images.parse(f"{REGISTRY}/a/b:1").tag == "1"
    assert images.parse(f"{REGISTRY}/a/b@{digest}").digest == digest
    assert images.parse(f"{REGISTRY}/a/b").tag == "latest"
