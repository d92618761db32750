from typing import Any

import pytest
from aws_cdk import App, CfnCondition, CfnParameter, Fn, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match, Template
from cdk_nag import AwsSolutionsChecks
from support.templates import allowed, flat, only, resources

from sagemaker_workflow.endpoints import (
    Capture,
    Instances,
    Operations,
    RealtimeEndpoint,
    Rollout,
    Scaling,
    Serverless,
)
from sagemaker_workflow.model import Model, ModelContainer


def endpoint(stack: Stack) -> dict[str, Any]:
    return dict(only(stack, "AWS::SageMaker::Endpoint")["Properties"])


def variant(stack: Stack) -> dict[str, Any]:
    config = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]
    return dict(config["ProductionVariants"][0])


def traffic(stack: Stack) -> dict[str, Any]:
    policy = endpoint(stack)["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    return dict(policy["TrafficRoutingConfiguration"])


def test_a_model_is_all_a_bare_app_needs_to_give(stack: Stack, model: Model) -> None:
    Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    churn = RealtimeEndpoint(stack, "Churn", model=model)
    assert isinstance(stack.node.root, App)
    stack.node.root.synth()
    assert churn.name.startswith("Test-Churn-")
    assert endpoint(stack)["EndpointName"] == churn.name
    assert variant(stack)["InitialInstanceCount"] == 2
    assert variant(stack)["VariantName"] == "primary"


def test_the_configs_name_is_made_anew_with_every_change(stack: Stack, model: Model) -> None:
    RealtimeEndpoint(stack, "Churn", model=model)
    config = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]
    assert "EndpointConfigName" not in config
    [logical_id] = resources(stack, "AWS::SageMaker::EndpointConfig")
    assert endpoint(stack)["EndpointConfigName"] == {
        "Fn::GetAtt": [logical_id, "EndpointConfigName"]
    }


def test_everything_is_encrypted_with_one_rotating_key(stack: Stack, model: Model) -> None:
    RealtimeEndpoint(stack, "Churn", model=model)
    assert only(stack, "AWS::KMS::Key")["Properties"]["EnableKeyRotation"] is True
    [logical_id] = resources(stack, "AWS::KMS::Key")
    arn = {"Fn::GetAtt": [logical_id, "Arn"]}
    assert only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]["KmsKeyId"] == arn
    for one in resources(stack, "AWS::Logs::LogGroup").values():
        assert one["Properties"]["KmsKeyId"] == arn
        assert one["Properties"]["RetentionInDays"] == 30


def test_what_scaling_set_survives_a_deployment_but_capture_changes_apply(
    stack: Stack, model: Model
) -> None:
    RealtimeEndpoint(stack, "Churn", model=model, scaling=Scaling())
    assert endpoint(stack)["RetainAllVariantProperties"] is True
    assert endpoint(stack)["ExcludeRetainedVariantProperties"] == [
        {"VariantPropertyType": "DataCaptureConfig"}
    ]


def test_a_count_that_nothing_scales_is_the_configured_one_after_a_deployment(
    stack: Stack, model: Model
) -> None:
    RealtimeEndpoint(stack, "Churn", model=model, capacity=Instances(count=3))
    assert endpoint(stack)["RetainAllVariantProperties"] is True
    assert {"VariantPropertyType": "DesiredInstanceCount"} in endpoint(stack)[
        "ExcludeRetainedVariantProperties"
    ]


def test_an_update_is_a_canary_of_one_instance_that_three_alarms_watch(
    stack: Stack, model: Model
) -> None:
    RealtimeEndpoint(stack, "Churn", model=model)
    assert traffic(stack)["CanarySize"] == {"Type": "INSTANCE_COUNT", "Value": 1}
    watched = endpoint(stack)["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    alarms = resources(stack, "AWS::CloudWatch::Alarm")
    assert {one["AlarmName"]["Ref"] for one in watched} == set(alarms)
    assert {one["Properties"]["MetricName"] for one in alarms.values()} == {
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "ModelLatency",
    }
    # The model's role, and the function that says which alarm sent an update back.
    assert len(allowed(stack, "cloudwatch:DescribeAlarms")) == 2


def test_a_fleet_of_one_is_replaced_all_at_once_still_watched(stack: Stack, model: Model) -> None:
    RealtimeEndpoint(stack, "Churn", model=model, capacity=Instances(count=1))
    assert traffic(stack)["Type"] == "ALL_AT_ONCE"
    assert endpoint(stack)["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]


def test_a_fleet_that_may_shrink_to_one_is_replaced_all_at_once(stack: Stack, model: Model) -> None:
    RealtimeEndpoint(stack, "Churn", model=model, scaling=Scaling(min_capacity=1))
    assert traffic(stack)["Type"] == "ALL_AT_ONCE"


def test_a_count_that_is_a_parameter_decides_in_the_template(stack: Stack, model: Model) -> None:
    count = CfnParameter(stack, "Count", type="Number", default=1).value_as_number
    RealtimeEndpoint(stack, "Churn", model=model, capacity=Instances(count=count))
    chosen = endpoint(stack)["DeploymentConfig"]["BlueGreenUpdatePolicy"]["Fn::If"]
    assert chosen[1]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert chosen[2]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    told = Template.from_stack(stack).to_json()["Conditions"][chosen[0]]
    assert {"Fn::Equals": [{"Ref": "Count"}, "1"]} in told["Fn::Or"]


def test_rolling_updates_name_a_batch_and_no_second_fleet(stack: Stack, model: Model) -> None:
    RealtimeEndpoint(stack, "Churn", model=model, rollout=Rollout(strategy="rolling"))
    config = endpoint(stack)["DeploymentConfig"]
    assert "BlueGreenUpdatePolicy" not in config
    assert config["RollingUpdatePolicy"]["MaximumBatchSize"] == {
        "Type": "CAPACITY_PERCENT",
        "Value": 50,
    }


def test_alarms_can_be_told_not_to_block_their_own_fix(stack: Stack, model: Model) -> None:
    on = CfnCondition(stack, "On", expression=Fn.condition_equals("a", "a"))
    RealtimeEndpoint(stack, "Churn", model=model, rollout=Rollout(alarms_active=on))
    rollback = endpoint(stack)["DeploymentConfig"]["AutoRollbackConfiguration"]
    assert rollback["Fn::If"][0] == "On"
    assert rollback["Fn::If"][2] == {"Ref": "AWS::NoValue"}


def test_captured_data_is_encrypted_and_only_its_prefix_may_be_written(
    stack: Stack, model: Model, bucket: s3.IBucket, key: kms.IKey
) -> None:
    RealtimeEndpoint(stack, "Churn", model=model, capture=Capture(bucket=bucket, prefix="captured"))
    config = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]["DataCaptureConfig"]
    assert config["KmsKeyId"] == key.key_arn
    assert config["DestinationS3Uri"] == "s3://the-bucket/captured"
    [on] = allowed(stack, "s3:PutObject")
    assert on.endswith("the-bucket/captured/*")


def test_the_endpoint_is_there_only_while_its_models_condition_holds(
    stack: Stack, container: ModelContainer
) -> None:
    active = CfnCondition(stack, "Active", expression=Fn.condition_equals("a", "a"))
    model = Model(stack, "Model", serves=container, condition=active)
    RealtimeEndpoint(stack, "Churn", model=model, scaling=Scaling())
    for type_ in ("SageMaker::Model", "SageMaker::EndpointConfig", "SageMaker::Endpoint"):
        assert only(stack, f"AWS::{type_}")["Condition"] == "Active"
    for one in resources(stack, "Custom::EndpointScaling").values():
        assert one["Condition"] == "Active"
    for type_ in ("IAM::ManagedPolicy", "Logs::LogGroup", "CloudWatch::Alarm", "SSM::Parameter"):
        for one in resources(stack, f"AWS::{type_}").values():
            assert "Condition" not in one


def test_invoking_is_granted_on_the_lower_cased_arn_of_this_endpoint(
    stack: Stack, model: Model
) -> None:
    churn = RealtimeEndpoint(stack, "Churn", model=model, name="Churn-Live")
    user = iam.Role(stack, "User", assumed_by=iam.AccountRootPrincipal())
    churn.grant_invoke(user)
    [on] = allowed(stack, "sagemaker:InvokeEndpoint")
    assert on.endswith(":endpoint/churn-live")


def test_its_name_is_found_in_the_parameter_store(
    stack: Stack, model: Model, key: kms.IKey
) -> None:
    operations = Operations(key=key, parameter_name="/flights/prod/endpoints/churn")
    RealtimeEndpoint(stack, "Churn", model=model, name="churn", operations=operations)
    parameter = only(stack, "AWS::SSM::Parameter")["Properties"]
    assert (parameter["Name"], parameter["Value"]) == ("/flights/prod/endpoints/churn", "churn")
    assert not resources(stack, "AWS::KMS::Key")


def test_metrics_are_of_this_endpoints_variant(stack: Stack, model: Model) -> None:
    churn = RealtimeEndpoint(stack, "Churn", model=model, name="churn")
    metric = churn.metric_model_latency()
    assert metric.dimensions == {"EndpointName": "churn", "VariantName": "primary"}
    assert metric.statistic == "p99"


def test_local_storage_that_the_key_does_not_reach_is_said(stack: Stack, model: Model) -> None:
    RealtimeEndpoint(
        stack, "Churn", model=model, capacity=Instances(instance_type="ml.g4dn.xlarge")
    )
    found = Annotations.from_stack(stack).find_warning(
        "*", Match.string_like_regexp("ml.g4dn.xlarge.*not with the KMS key")
    )
    assert len(found) == 1


@pytest.mark.parametrize(
    ("rollout", "policy", "waits"),
    [
        (Rollout(wait_seconds=3000, termination_wait_seconds=600), "BlueGreenUpdatePolicy", 6600),
        (
            Rollout(strategy="linear", step_percent=25, wait_seconds=600),
            "BlueGreenUpdatePolicy",
            2520,
        ),
        (Rollout(strategy="rolling", step_percent=30, wait_seconds=60), "RollingUpdatePolicy", 240),
    ],
)
def test_an_update_has_an_hour_besides_its_waits(
    stack: Stack, model: Model, rollout: Rollout, policy: str, waits: int
) -> None:
    """The service refuses a limit below the waits, and a GPU takes its time to start."""
    RealtimeEndpoint(stack, "Churn", model=model, rollout=rollout)
    config = only(stack, "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]
    assert config[policy]["MaximumExecutionTimeoutInSeconds"] == waits + 3600


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "churn_live"}, r"name is 'churn_live' .*hyphens"),
        ({"name": "c" * 64}, r"\(64 characters\), allowed are 1 to 63"),
        ({"capacity": Instances(instance_type="ml.m5.xlrge")}, "near it are ml.m5.xlarge"),
        ({"capacity": Instances(count=0)}, "count is 0, allowed is 1 to 1000"),
        ({"capacity": Instances(ami_version="al3")}, "ami_version is 'al3', allowed is one of"),
        ({"capacity": Instances(startup_timeout_seconds=30)}, "is 30, allowed is 60 to 3600"),
        ({"capacity": Serverless()}, "capacity is Serverless, allowed is Instances.*Serverless"),
        ({"rollout": Rollout(step_percent=51)}, r"\(canary\) is 51, allowed is 1 to 50"),
        (
            {"rollout": Rollout(strategy="linear", step_percent=5)},
            r"\(linear\) is 5, allowed is 10 to 50",
        ),
        (
            {"rollout": Rollout(strategy="all_at_once", step_percent=5)},
            "step_percent means nothing for all_at_once",
        ),
        ({"rollout": Rollout(timeout_seconds=60)}, "is 60, allowed is 600 to 28800"),
        # A canary waits twice: after the first step and after the second.
        (
            {"rollout": Rollout(wait_seconds=900, timeout_seconds=1800)},
            "waits 1920 seconds in all, allowed is less than 1800: .* raise timeout_seconds",
        ),
        (
            {"rollout": Rollout(strategy="linear", step_percent=10, wait_seconds=3600)},
            "waits 36120 seconds in all, allowed is less than 25200: .* fewer steps",
        ),
        ({"scaling": Scaling(min_capacity=0)}, "is 0, allowed is 1 to.*asynchronous"),
        ({"scaling": Scaling(min_capacity=5)}, "min_capacity is 5, allowed is at most max_cap"),
    ],
)
def test_what_the_service_would_refuse_is_refused_here(
    stack: Stack, model: Model, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        RealtimeEndpoint(stack, "Churn", model=model, **options)


def test_a_type_that_is_a_parameter_needs_the_list_of_what_it_may_become(
    stack: Stack, model: Model
) -> None:
    chosen = CfnParameter(stack, "InstanceType").value_as_string
    with pytest.raises(ValueError, match="allowed_types is empty"):
        RealtimeEndpoint(stack, "Churn", model=model, capacity=Instances(instance_type=chosen))
    with pytest.raises(ValueError, match=r"'ml\.m5\.huge'"):
        RealtimeEndpoint(
            stack,
            "Other",
            model=model,
            capacity=Instances(instance_type=chosen, allowed_types=["ml.m5.large", "ml.m5.huge"]),
        )


def test_every_fault_is_told_at_once_and_by_the_path(stack: Stack, model: Model) -> None:
    with pytest.raises(ValueError, match="RealtimeEndpoint Test/Churn") as refusal:
        RealtimeEndpoint(
            stack,
            "Churn",
            model=model,
            name="a_b",
            capacity=Instances(instance_type="ml.x1.large", count=-1),
            rollout=Rollout(wait_seconds=4000),
        )
    assert str(refusal.value).count("\n  - ") == 4


def test_conditions_do_not_reach_across_stacks(stack: Stack, container: ModelContainer) -> None:
    active = CfnCondition(stack, "Active", expression=Fn.condition_equals("a", "a"))
    model = Model(stack, "Model", serves=container, condition=active)
    other = Stack(stack.node.root, "Other")
    with pytest.raises(ValueError, match="in another stack"):
        RealtimeEndpoint(other, "Churn", model=model)


def test_the_role_may_write_to_the_endpoints_log_and_to_no_other(
    stack: Stack, model: Model
) -> None:
    RealtimeEndpoint(stack, "Churn", model=model)
    [group] = [one for one in resources(stack, "AWS::Logs::LogGroup") if "Lifecycle" not in one]
    assert allowed(stack, "logs:PutLogEvents")[0] == flat({"Fn::GetAtt": [group, "Arn"]})
