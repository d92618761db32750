import re

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ssm as ssm
from support.templates import allowed, statements

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.managed_images import ManagedImage
from sagemaker_workflow.roles import ExecutionRole

PULL = {"ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"}


def test_a_managed_image_comes_from_awss_own_account_in_the_region() -> None:
    image = ContainerImage.managed("xgboost", version="3.2-0", region="us-west-2")
    assert image.uri == "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:3.2-0"
    gpu = ContainerImage.managed(
        "pytorch", version="2.6.0", region="us-east-1", scope="training", processor="gpu"
    )
    assert re.search(r"763104351884.*/pytorch-training:2\.6\.0-gpu-py312", gpu.uri)


def test_a_known_digest_pins_the_image_and_an_unknown_one_is_not_invented() -> None:
    uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.30.0"
    digest = "sha256:" + "0" * 64
    assert ManagedImage(uri=uri, digest=digest).pinned_uri == f"{uri[:-7]}@{digest}"
    assert ManagedImage(uri=uri, digest="unresolved").pinned_uri == uri


def test_a_version_that_is_not_locked_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"xgboost 9\.9.*there is: xgboost 3\.2-0.*refresh"):
        ContainerImage.managed("xgboost", version="9.9", region="us-east-1")


def test_a_region_that_is_not_locked_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"region 'ap-east-1'.*eu-central-1, eu-west-1"):
        ContainerImage.managed("xgboost", version="3.2-0", region="ap-east-1")


def test_a_tag_that_moves_is_refused(stack: Stack) -> None:
    repository = ecr.Repository.from_repository_name(stack, "Repository", "trainer")
    with pytest.raises(ValueError, match=r"tag is 'latest'.*build_context_hash"):
        ContainerImage.from_repository(repository, "latest")


def test_an_image_outside_ecr_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'vllm/vllm-openai:v1' is not an ECR image"):
        ContainerImage.from_uri("vllm/vllm-openai:v1")


def test_a_uri_known_at_deployment_needs_its_repository(stack: Stack) -> None:
    uri = ssm.StringParameter.value_for_string_parameter(stack, "/images/trainer")
    with pytest.raises(ValueError, match=r"from_uri\(uri, repository\)"):
        ContainerImage.from_uri(uri)
    repository = ecr.Repository.from_repository_name(stack, "Repository", "trainer")
    assert ContainerImage.from_uri(uri, repository).uri == uri


def test_pulling_is_granted_on_the_repository_alone_in_awss_account_too(stack: Stack) -> None:
    role = ExecutionRole(stack, "Role", kind="hosting")
    ContainerImage.managed("xgboost", version="3.2-0", region="us-east-1").grant_pull(role)
    for action in PULL:
        assert allowed(stack, action) == [
            "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"
        ]
    assert allowed(stack, "ecr:GetAuthorizationToken") == ["*"]


def test_the_same_grant_twice_is_one_statement(stack: Stack) -> None:
    role = ExecutionRole(stack, "Role", kind="hosting")
    image = ContainerImage.managed("xgboost", version="3.2-0", region="us-east-1")
    image.grant_pull(role)
    before = len(statements(stack))
    image.grant_pull(role)
    assert len(statements(stack)) == before
