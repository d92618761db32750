from typing import Any

import pytest
from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from support.templates import only, resources

from sagemaker_workflow.endpoints import (
    Capture,
    Instances,
    Rollout,
    Scaling,
    Serverless,
    ServerlessEndpoint,
)
from sagemaker_workflow.model import Model, ModelContainer, ModelNetwork


def variant(stack: Stack) -> dict[str, Any]:
    config = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]
    return dict(config["ProductionVariants"][0])


def test_it_has_memory_and_concurrency_and_no_instances(stack: Stack, open_model: Model) -> None:
    ServerlessEndpoint(stack, "Churn", model=open_model)
    assert variant(stack)["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert not {"InstanceType", "InitialInstanceCount", "RoutingConfig"} & set(variant(stack))


def test_an_update_is_all_at_once_and_watched(stack: Stack, open_model: Model) -> None:
    ServerlessEndpoint(stack, "Churn", model=open_model)
    config = only(stack, "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]
    policy = config["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert config["AutoRollbackConfiguration"]["Alarms"]


def test_parameters_decide_memory_and_concurrency(stack: Stack, open_model: Model) -> None:
    memory = CfnParameter(stack, "Memory", type="Number").value_as_number
    ServerlessEndpoint(stack, "Churn", model=open_model, capacity=Serverless(memory_mb=memory))
    assert variant(stack)["ServerlessConfig"]["MemorySizeInMB"] == {"Ref": "Memory"}


def test_provisioned_concurrency_follows_its_use(stack: Stack, open_model: Model) -> None:
    ServerlessEndpoint(
        stack,
        "Churn",
        model=open_model,
        capacity=Serverless(provisioned_concurrency=1),
        scaling=Scaling(max_capacity=5),
    )
    for one in resources(stack, "Custom::EndpointScaling").values():
        dimension = one["Properties"]["Target"]["ScalableDimension"]
        assert dimension == "sagemaker:variant:DesiredProvisionedConcurrency"
        [policy] = one["Properties"]["Policies"]
        assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 0.7
        assert one["Properties"]["Shape"] == {"MemorySizeInMB": "2048", "MaxConcurrency": "5"}


def test_a_gpu_instance_is_refused(stack: Stack, open_model: Model) -> None:
    gpu: Any = Instances(instance_type="ml.g5.xlarge")
    with pytest.raises(ValueError, match=r"ml\.g5\.xlarge.*no instances and no GPU.*Realtime"):
        ServerlessEndpoint(stack, "Churn", model=open_model, capacity=gpu)


@pytest.mark.parametrize(
    ("capacity", "says"),
    [
        (Serverless(memory_mb=1500), r"memory_mb is 1500, allowed is one of 1024, 2048, 3072"),
        (Serverless(memory_mb=8192), r"memory_mb is 8192"),
        (Serverless(max_concurrency=201), r"max_concurrency is 201, allowed is 1 to 200"),
        (Serverless(max_concurrency=0), r"max_concurrency is 0"),
        (
            Serverless(max_concurrency=5, provisioned_concurrency=6),
            r"provisioned_concurrency is 6, allowed is at most max_concurrency, 5",
        ),
    ],
)
def test_numbers_out_of_range_are_refused(
    stack: Stack, open_model: Model, capacity: Serverless, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        ServerlessEndpoint(stack, "Churn", model=open_model, capacity=capacity)


def test_an_isolated_model_is_refused_with_what_to_change(stack: Stack, model: Model) -> None:
    with pytest.raises(ValueError, match=r"isolated from the network.*isolated=False"):
        ServerlessEndpoint(stack, "Churn", model=model)


def test_a_model_in_a_vpc_is_refused(stack: Stack, container: ModelContainer) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2)
    network = ModelNetwork(vpc=vpc, security_groups=[ec2.SecurityGroup(stack, "Group", vpc=vpc)])
    inside = Model(stack, "Model", serves=container, isolated=False, network=network)
    with pytest.raises(ValueError, match="in a VPC, which serverless does not support"):
        ServerlessEndpoint(stack, "Churn", model=inside)


def test_unpacked_artifacts_are_refused(stack: Stack, prefix_model: Any) -> None:
    with pytest.raises(ValueError, match=r"artifacts are a prefix.*ModelData\.from_bucket"):
        ServerlessEndpoint(stack, "Churn", model=prefix_model(isolated=False))


def test_several_containers_are_refused(stack: Stack, container: ModelContainer) -> None:
    row = Model(stack, "Model", serves=[container, container], isolated=False)
    with pytest.raises(ValueError, match="several containers"):
        ServerlessEndpoint(stack, "Churn", model=row)


def test_capture_is_refused(stack: Stack, open_model: Model, bucket: s3.IBucket) -> None:
    with pytest.raises(ValueError, match="capture is set, which serverless does not support"):
        ServerlessEndpoint(
            stack, "Churn", model=open_model, capture=Capture(bucket=bucket, prefix="c")
        )


def test_a_canary_is_refused(stack: Stack, open_model: Model) -> None:
    with pytest.raises(ValueError, match="'canary', allowed is one of all_at_once"):
        ServerlessEndpoint(stack, "Churn", model=open_model, rollout=Rollout(strategy="canary"))


@pytest.mark.parametrize(
    ("scaling", "provisioned", "says"),
    [
        (Scaling(), None, "none is configured: set provisioned_concurrency"),
        (Scaling(max_capacity=9), 1, "max_capacity is 9, allowed is at most max_concurrency, 5"),
        (Scaling(target=70), 1, "target is 70, allowed is a share"),
    ],
)
def test_scaling_that_cannot_work_is_refused(
    stack: Stack, open_model: Model, scaling: Scaling, provisioned: int | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        ServerlessEndpoint(
            stack,
            "Churn",
            model=open_model,
            capacity=Serverless(provisioned_concurrency=provisioned),
            scaling=scaling,
        )
