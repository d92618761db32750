import dataclasses
from typing import Any

import pytest
from aws_cdk import CfnCondition, CfnParameter, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from support.templates import allowed, only, resources

from sagemaker_workflow.model import Model, ModelContainer, ModelNetwork, ModelPackage
from sagemaker_workflow.model_data import ModelData

PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/flights/3"


def made(stack: Stack) -> dict[str, Any]:
    return dict(only(stack, "AWS::SageMaker::Model")["Properties"])


def test_a_model_is_isolated_and_has_a_generated_name(stack: Stack, model: Model) -> None:
    assert made(stack)["EnableNetworkIsolation"] is True
    assert "ModelName" not in made(stack)
    assert made(stack)["PrimaryContainer"]["ModelDataUrl"] == "s3://the-bucket/churn/model.tar.gz"


def test_a_model_waits_for_every_policy_of_its_role(stack: Stack, model: Model) -> None:
    model.role.role.add_to_policy(  # somebody else's grant, made later
        iam.PolicyStatement(actions=["s3:GetObject"], resources=["a"])
    )
    waits = set(only(stack, "AWS::SageMaker::Model")["DependsOn"])
    policies = {*resources(stack, "AWS::IAM::ManagedPolicy"), *resources(stack, "AWS::IAM::Policy")}
    assert len(policies) == 2
    assert policies <= waits


def test_a_package_of_the_registry_is_served_by_its_arn_under_a_condition(
    stack: Stack, bucket: s3.IBucket, container: ModelContainer
) -> None:
    arn = CfnParameter(stack, "ModelPackageArn", default="").value_as_string
    given = CfnCondition(stack, "Given", expression=Fn.condition_not(Fn.condition_equals(arn, "")))
    package = ModelPackage(arn=arn, images=[container.image], artifacts=[(bucket, "models/")])
    Model(stack, "Model", serves=package, condition=given)
    assert made(stack)["PrimaryContainer"] == {"ModelPackageName": {"Ref": "ModelPackageArn"}}
    assert only(stack, "AWS::SageMaker::Model")["Condition"] == "Given"
    [on] = allowed(stack, "s3:GetObject")
    assert on.endswith("the-bucket/models/*")
    assert len(allowed(stack, "ecr:BatchGetImage")) == 1


def test_several_containers_run_in_a_row_or_each_by_its_name(
    stack: Stack, container: ModelContainer
) -> None:
    first = dataclasses.replace(container, hostname="first")
    second = dataclasses.replace(container, hostname="second")
    Model(stack, "Model", serves=[first, second], direct_invocation=True)
    assert made(stack)["InferenceExecutionConfig"] == {"Mode": "Direct"}
    assert [one["ContainerHostname"] for one in made(stack)["Containers"]] == ["first", "second"]


def test_a_multi_model_container_names_a_prefix_of_archives(
    stack: Stack, bucket: s3.IBucket, container: ModelContainer
) -> None:
    many = ModelContainer(
        image=container.image, data=ModelData.from_prefix(bucket, "many/"), multi_model=True
    )
    Model(stack, "Model", serves=many)
    primary = made(stack)["PrimaryContainer"]
    assert primary["Mode"] == "MultiModel"
    assert primary["ModelDataUrl"] == "s3://the-bucket/many/"


def test_unpacked_artifacts_are_a_data_source(stack: Stack, prefix_model: Any) -> None:
    prefix_model()
    source = made(stack)["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert source == {
        "CompressionType": "None",
        "S3DataType": "S3Prefix",
        "S3Uri": "s3://the-bucket/churn/7/",
    }


def test_variables_given_win_over_those_of_the_script(
    stack: Stack, bucket: s3.IBucket, container: ModelContainer
) -> None:
    data = ModelData.from_bucket(bucket, "m.tar.gz", script="inference.py")
    Model(
        stack,
        "Model",
        serves=ModelContainer(
            image=container.image, data=data, environment={"SAGEMAKER_PROGRAM": "other.py"}
        ),
    )
    environment = made(stack)["PrimaryContainer"]["Environment"]
    assert environment["SAGEMAKER_PROGRAM"] == "other.py"


def test_a_model_in_a_vpc_has_a_role_that_may_place_it_there(
    stack: Stack, container: ModelContainer
) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2)
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
    Model(stack, "Model", serves=container, network=ModelNetwork(vpc=vpc, security_groups=[group]))
    assert len(made(stack)["VpcConfig"]["Subnets"]) == 2
    assert allowed(stack, "ec2:CreateNetworkInterface") == ["*"]


@pytest.mark.parametrize("name", ["HF_TOKEN", "db_password", "AWS_SECRET_ACCESS_KEY", "API_KEY"])
def test_a_secret_in_the_environment_is_refused(
    stack: Stack, container: ModelContainer, name: str
) -> None:
    loose = dataclasses.replace(container, environment={name: "x"})
    with pytest.raises(ValueError, match=f"{name} looks like a secret.*Secrets Manager"):
        Model(stack, "Model", serves=loose)


@pytest.mark.parametrize("name", ["OPTION_MAX_NUM_TOKENS", "PAD_TOKEN_ID", "DB_PASSWORD_ARN"])
def test_what_only_sounds_like_a_secret_is_not(
    stack: Stack, container: ModelContainer, name: str
) -> None:
    Model(stack, "Model", serves=dataclasses.replace(container, environment={name: "1"}))


def test_everything_wrong_with_a_model_is_told_at_once(
    stack: Stack, container: ModelContainer
) -> None:
    wrong = dataclasses.replace(
        container, environment={"1X": "a", "LONG": "x" * 1025}, hostname="a_b", multi_model=True
    )
    with pytest.raises(ValueError, match="model Test/Model") as refusal:
        Model(stack, "Model", serves=wrong, direct_invocation=True)
    said = str(refusal.value)
    for part in ("'1X'", "1025 bytes", "'a_b'", "prefix of archives", "several containers"):
        assert part in said


def test_a_package_arn_that_is_none_is_refused(stack: Stack) -> None:
    with pytest.raises(ValueError, match=r"(?s)'flights/3'.*no images.*no artifacts"):
        Model(stack, "Model", serves=ModelPackage(arn="flights/3", images=[], artifacts=[]))


def test_no_container_at_all_is_refused(stack: Stack) -> None:
    with pytest.raises(ValueError, match="serves 0 containers, allowed is 1 to 15"):
        Model(stack, "Model", serves=[])
