"""What a ComponentEndpoint makes and grants."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnCondition, CfnParameter, Fn, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Annotations, Match, Template
from cdk_nag import AwsSolutionsChecks
from support.templates import allowed, only, resources

from sagemaker_workflow.endpoints import Instances
from sagemaker_workflow.endpoints.components import (
    ComponentEndpoint,
    ComponentRollout,
    ComponentScaling,
    Copy,
    ManagedScaling,
)
from sagemaker_workflow.model import Model, ModelContainer

SCALABLE = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


def shared(stack: Stack, container: ModelContainer, **component: Any) -> ComponentEndpoint:
    """An endpoint with the component churn."""
    endpoint = ComponentEndpoint(stack, "Models", name="models")
    model = Model(stack, "Model", serves=container, role=endpoint.role)
    endpoint.add_component("churn", model=model, **component)
    return endpoint


def component(stack: Stack) -> dict[str, Any]:
    return dict(only(stack, "AWS::SageMaker::InferenceComponent"))


def test_the_config_has_the_role_and_its_variant_no_model(
    stack: Stack, container: ModelContainer
) -> None:
    """contracts 3.4."""
    shared(stack, container)
    config = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]
    assert "Fn::GetAtt" in config["ExecutionRoleArn"]
    (variant,) = config["ProductionVariants"]
    assert "ModelName" not in variant
    assert variant["ManagedInstanceScaling"] == {
        "Status": "ENABLED",
        "MinInstanceCount": 1,
        "MaxInstanceCount": 2,
    }


def test_no_finding_of_the_rule_pack_is_left(stack: Stack, container: ModelContainer) -> None:
    root = stack.node.root
    Validations.of(root).add_plugins(AwsSolutionsChecks(root))
    shared(stack, container, scaling=ComponentScaling(min_copies=0))
    root.synth()  # type: ignore[attr-defined]


def test_a_component_refers_to_its_endpoint_so_that_it_goes_first(
    stack: Stack, container: ModelContainer
) -> None:
    shared(stack, container)
    [endpoint] = resources(stack, "AWS::SageMaker::Endpoint")
    assert component(stack)["Properties"]["EndpointName"] == {
        "Fn::GetAtt": [endpoint, "EndpointName"]
    }


def test_a_copy_takes_what_was_said(stack: Stack, container: ModelContainer) -> None:
    shared(stack, container, each=Copy(memory_mb=512, cpus=0.5), copies=2)
    made = component(stack)["Properties"]
    assert made["Specification"]["ComputeResourceRequirements"] == {
        "MinMemoryRequiredInMb": 512,
        "NumberOfCpuCoresRequired": 0.5,
    }
    assert made["RuntimeConfig"] == {"CopyCount": 2}


def test_an_update_rolls_in_halves_and_three_alarms_send_it_back(
    stack: Stack, container: ModelContainer
) -> None:
    endpoint = shared(stack, container)
    config = component(stack)["Properties"]["DeploymentConfig"]
    assert config["RollingUpdatePolicy"]["MaximumBatchSize"] == {
        "Type": "CAPACITY_PERCENT",
        "Value": 50,
    }
    alarms = resources(stack, "AWS::CloudWatch::Alarm")
    watched = [one["AlarmName"]["Ref"] for one in config["AutoRollbackConfiguration"]["Alarms"]]
    assert [alarms[one]["Properties"]["MetricName"] for one in watched] == [
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "ModelLatency",
    ]
    assert len(endpoint.components["churn"].alarms) == 3


def test_alarms_can_be_told_not_to_stop_an_update(stack: Stack, container: ModelContainer) -> None:
    watch = CfnCondition(stack, "Watch", expression=Fn.condition_equals("a", "a"))
    shared(stack, container, rollout=ComponentRollout(alarms_active=watch))
    rollback = component(stack)["Properties"]["DeploymentConfig"]["AutoRollbackConfiguration"]
    assert rollback["Fn::If"][0] == "Watch"
    assert rollback["Fn::If"][2] == {"Ref": "AWS::NoValue"}


def test_a_component_that_may_sleep_is_woken_by_one_failed_request(
    stack: Stack, container: ModelContainer
) -> None:
    """contracts 3.5: target tracking alone never leaves zero; the guide's alarm takes two."""
    shared(stack, container, scaling=ComponentScaling(min_copies=0))
    assert only(stack, SCALABLE)["Properties"]["MinCapacity"] == 0
    policies = resources(stack, POLICY)
    [step] = [one for one, made in policies.items() if "Step" in made["Properties"]["PolicyType"]]
    assert policies[step]["Properties"]["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Maximum",
        "Cooldown": 60,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }
    alarms = [one["Properties"] for one in resources(stack, "AWS::CloudWatch::Alarm").values()]
    [wake] = [one for one in alarms if one.get("AlarmActions") == [{"Ref": step}]]
    assert (wake["MetricName"], wake["ComparisonOperator"], wake["Threshold"]) == (
        "NoCapacityInvocationFailures",
        "GreaterThanOrEqualToThreshold",
        1,
    )


def test_one_that_never_sleeps_has_no_way_back(stack: Stack, container: ModelContainer) -> None:
    shared(stack, container, scaling=ComponentScaling(min_copies=1))
    assert only(stack, POLICY)["Properties"]["PolicyType"] == "TargetTrackingScaling"


def test_one_whose_floor_is_a_parameter_can_be_woken(
    stack: Stack, container: ModelContainer
) -> None:
    floor: Any = CfnParameter(stack, "Floor", type="Number", default=1).value_as_number
    shared(stack, container, scaling=ComponentScaling(min_copies=floor))
    assert len(resources(stack, POLICY)) == 2


def test_everything_of_a_component_exists_with_its_model(
    stack: Stack, container: ModelContainer
) -> None:
    given = CfnCondition(stack, "Given", expression=Fn.condition_equals("a", "a"))
    endpoint = ComponentEndpoint(stack, "Models", name="models")
    model = Model(stack, "Model", serves=container, role=endpoint.role, condition=given)
    endpoint.add_component("churn", model=model, scaling=ComponentScaling(min_copies=0))
    for kind in ("AWS::SageMaker::InferenceComponent", SCALABLE, POLICY):
        assert {one.get("Condition") for one in resources(stack, kind).values()} == {"Given"}
    assert "Condition" not in only(stack, "AWS::SageMaker::Endpoint")


def test_the_bounds_of_instances_and_how_they_leave(stack: Stack) -> None:
    ComponentEndpoint(
        stack,
        "Models",
        managed=ManagedScaling(min_instances=0, max_instances=3, scale_in="CONSOLIDATION"),
    )
    config = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]
    assert config["ProductionVariants"][0]["ManagedInstanceScaling"] == {
        "Status": "ENABLED",
        "MinInstanceCount": 0,
        "MaxInstanceCount": 3,
        "ScaleInPolicy": {
            "Strategy": "CONSOLIDATION",
            "MaximumStepSize": 1,
            "CooldownInMinutes": 10,
        },
    }


def test_grants_the_endpoint_and_each_component_also_those_added_later(
    stack: Stack, container: ModelContainer
) -> None:
    """contracts 13.3: both ARNs."""
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    endpoint = shared(stack, container)
    endpoint.grant_invoke(caller)
    other = Model(stack, "Other", serves=container, role=endpoint.role)
    endpoint.add_component("fraud", model=other)
    found = {one.split(":")[-1] for one in allowed(stack, "sagemaker:InvokeEndpoint")}
    assert found == {
        "endpoint/models",
        "inference-component/models-churn",
        "inference-component/models-fraud",
    }


def test_a_deployment_fails_when_the_endpoint_serves_another_config(
    stack: Stack, container: ModelContainer
) -> None:
    given = CfnCondition(stack, "Given", expression=Fn.condition_equals("a", "a"))
    ComponentEndpoint(stack, "Models", name="models", condition=given)
    check = only(stack, "Custom::EndpointDeployed")
    [endpoint] = resources(stack, "AWS::SageMaker::Endpoint").items()
    assert check["Properties"]["EndpointName"] == "models"
    assert (
        check["Properties"]["EndpointConfigName"]
        == (endpoint[1]["Properties"]["EndpointConfigName"])
    )
    assert endpoint[0] in check["DependsOn"]
    assert check["Condition"] == "Given"


def test_volume_and_ami_follow_the_type_a_parameter_chooses(stack: Stack) -> None:
    """A type with local storage takes no volume, and an AMI is made for some types."""
    chosen = CfnParameter(stack, "InstanceType").value_as_string
    capacity = Instances(
        instance_type=chosen,
        allowed_types=["ml.g4dn.xlarge", "ml.m5.xlarge"],
        volume_gb=100,
        ami_version="al2-ami-sagemaker-inference-gpu-3-1",
        count=1,
    )
    ComponentEndpoint(stack, "Models", name="models", capacity=capacity)
    template = Template.from_stack(stack).to_json()
    (variant,) = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    for name, by_type in (
        ("VolumeSizeInGB", {"ml.g4dn.xlarge": "none", "ml.m5.xlarge": "100"}),
        (
            "InferenceAmiVersion",
            {"ml.g4dn.xlarge": "al2-ami-sagemaker-inference-gpu-3-1", "ml.m5.xlarge": "none"},
        ),
    ):
        _, found, otherwise = variant[name]["Fn::If"]
        mapping, key, value = found["Fn::FindInMap"]
        assert (key, value, otherwise) == (
            {"Ref": "InstanceType"},
            "Value",
            {"Ref": "AWS::NoValue"},
        )
        assert {one: at["Value"] for one, at in template["Mappings"][mapping].items()} == by_type
    assert Annotations.from_stack(stack).find_warning(
        "*", Match.string_like_regexp("ml.g4dn.xlarge: the instance's local storage is encrypted")
    )
