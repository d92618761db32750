"""An endpoint with its log, alarms, name parameter, function and dashboard, in one stack."""

from __future__ import annotations

from aws_cdk import App, CfnOutput, Environment, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm

from handwritten.alarms import build_alarms
from handwritten.dashboard import build_dashboard
from handwritten.endpoint import build_config, build_endpoint
from handwritten.function import build_function, watch
from handwritten.model import build_model
from handwritten.words import ACCOUNT, KEY, REGION


def add(app: App, number: int) -> None:
    """One endpoint is in a stack of its own."""
    name = f"bench-{number}"
    stack = Stack(app, f"Bench{number}", env=Environment(account=ACCOUNT, region=REGION))
    log = logs.CfnLogGroup(
        stack,
        "Log",
        log_group_name=f"/aws/sagemaker/Endpoints/{name}",
        kms_key_id=KEY,
        retention_in_days=30,
    )
    log.apply_removal_policy(RemovalPolicy.DESTROY)
    role, access, model = build_model(stack, number, log.attr_arn)
    ssm.CfnParameter(
        stack,
        "Name",
        type="String",
        name=f"/sagemaker-workflow/endpoints/{name}",
        value=name,
        description=f"Name of the SageMaker endpoint {name}",
    )
    alarms = build_alarms(stack, name)
    config = build_config(stack, model.attr_model_name)
    config_name = config.attr_endpoint_config_name
    endpoint = build_endpoint(stack, name, config_name, [one.ref for one in alarms])
    for before in (log, access, role):
        endpoint.add_resource_dependency(before)
    function = build_function(stack, name)
    watch(stack, name, endpoint, config_name, function)
    build_dashboard(stack, name, [one.attr_arn for one in alarms])
    CfnOutput(stack, "EndpointName", value=name, description="Call the endpoint by it")
