from typing import Any

import pytest
from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_logs as logs
from support.templates import allowed, only, resources, statements

from sagemaker_workflow.endpoints import Instances, Operations, RealtimeEndpoint, Scaling
from sagemaker_workflow.model import Model


@pytest.fixture
def phases(stack: Stack, model: Model) -> dict[str, dict[str, Any]]:
    """Phase -> (logical id, resource)."""
    chosen = CfnParameter(stack, "InstanceType").value_as_string
    most = CfnParameter(stack, "MaxCapacity", type="Number").value_as_number
    RealtimeEndpoint(
        stack,
        "Churn",
        model=model,
        name="churn",
        capacity=Instances(instance_type=chosen, allowed_types=["ml.m5.large"]),
        scaling=Scaling(min_capacity=2, max_capacity=most),
    )
    found = resources(stack, "Custom::EndpointScaling")
    return {one["Properties"]["Phase"]: {"id": name, **one} for name, one in found.items()}


def test_it_steps_aside_before_the_endpoint_and_registers_after(
    stack: Stack, phases: dict[str, dict[str, Any]]
) -> None:
    [endpoint_id] = resources(stack, "AWS::SageMaker::Endpoint")
    endpoint = only(stack, "AWS::SageMaker::Endpoint")
    assert phases["StepAside"]["id"] in endpoint["DependsOn"]
    assert endpoint_id in phases["Target"]["DependsOn"]


def test_every_change_of_the_endpoint_waits_for_scaling_and_registers_again(
    stack: Stack, phases: dict[str, dict[str, Any]]
) -> None:
    [config] = resources(stack, "AWS::SageMaker::EndpointConfig")
    for one in phases.values():
        assert one["Properties"]["EndpointConfigName"] == {
            "Fn::GetAtt": [config, "EndpointConfigName"]
        }


def test_parameters_reach_the_function(phases: dict[str, dict[str, Any]]) -> None:
    for one in phases.values():
        assert one["Properties"]["Shape"] == {"InstanceType": {"Ref": "InstanceType"}}
        assert one["Properties"]["MaxCapacity"] == {"Ref": "MaxCapacity"}


def test_nothing_is_asked_of_the_function_before_it_may_do_it(
    stack: Stack, phases: dict[str, dict[str, Any]]
) -> None:
    policies = {n for n in resources(stack, "AWS::IAM::ManagedPolicy") if "Lifecycle" in n}
    assert len(policies) == 2
    for one in phases.values():
        assert policies <= set(one["DependsOn"])


@pytest.mark.usefixtures("phases")
def test_the_function_may_touch_this_endpoint_and_its_alarms_alone(stack: Stack) -> None:
    [on] = allowed(stack, "sagemaker:UpdateEndpointWeightsAndCapacities")
    assert on.endswith(":endpoint/churn")
    for on in allowed(stack, "cloudwatch:PutMetricAlarm"):
        assert ":alarm:TargetTracking-endpoint/churn/" in on or ":alarm:churn-wake" in on
    [linked] = [one for one in statements(stack) if "iam:CreateServiceLinkedRole" in one["Action"]]
    assert linked["Condition"]["StringEquals"]["iam:AWSServiceName"].startswith("sagemaker.")


@pytest.mark.usefixtures("phases")
def test_the_function_is_pure_python_with_a_log_of_its_own(stack: Stack) -> None:
    function = only(stack, "AWS::Lambda::Function")["Properties"]
    assert function["Handler"] == "endpoint_lifecycle.handler.handler"
    assert function["LoggingConfig"]["LogGroup"]


@pytest.mark.usefixtures("phases")
def test_a_call_that_is_lost_is_traced_and_kept(stack: Stack) -> None:
    function = only(stack, "AWS::Lambda::Function")["Properties"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["ReservedConcurrentExecutions"] == 3
    [queue] = resources(stack, "AWS::SQS::Queue")
    assert function["DeadLetterConfig"]["TargetArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert allowed(stack, "sqs:SendMessage") == [f"<{queue}.Arn>"]


def test_a_new_account_reserves_no_concurrency(stack: Stack, model: Model) -> None:
    RealtimeEndpoint(
        stack,
        "Churn",
        model=model,
        scaling=Scaling(),
        operations=Operations(reserve_concurrency=False),
    )
    assert "ReservedConcurrentExecutions" not in only(stack, "AWS::Lambda::Function")["Properties"]


def test_the_functions_log_is_kept_as_long_as_the_containers(stack: Stack, model: Model) -> None:
    RealtimeEndpoint(
        stack,
        "Churn",
        model=model,
        scaling=Scaling(),
        operations=Operations(log_retention=logs.RetentionDays.ONE_YEAR),
    )
    found = resources(stack, "AWS::Logs::LogGroup").values()
    assert [one["Properties"]["RetentionInDays"] for one in found] == [365, 365]
