"""`python benchmarks/synth/handwritten.py <endpoints> <folder>`: the same resources in plain L1.

What somebody writes who knows every resource by heart: `Cfn*` classes, properties as dictionaries,
references by attribute, no construct library, no checks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from aws_cdk import App, Aws, CfnOutput, CfnResource, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm

ACCOUNT, REGION = "111122223333", "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.2-0"
ALARMS = (
    ("ServerErrors", "Invocation5XXErrors", {"statistic": "Sum"}, 1, 5),
    ("ModelErrors", "InvocationModelErrors", {"statistic": "Sum"}, 1, 5),
    ("Latency", "ModelLatency", {"extended_statistic": "p99"}, 3, 5_000_000),
)
PARTITION = Aws.PARTITION  # a call into jsii, so once
FUNCTION = Path(__file__).resolve().parents[2] / "lambda" / "endpoint_lifecycle"


def allow(actions: list[str], resource: Any, condition: Any = None) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(service: str, condition: Any = None) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": f"{service}.amazonaws.com"},
    }
    return policy({**statement, "Condition": condition} if condition else statement)


def add(app: App, number: int) -> None:
    """One endpoint in a stack of its own."""
    name = f"bench-{number}"
    stack = Stack(app, f"Bench{number}", env=Environment(account=ACCOUNT, region=REGION))
    log = logs.CfnLogGroup(
        stack,
        "Log",
        log_group_name=f"/aws/sagemaker/Endpoints/{name}",
        kms_key_id=KEY,
        retention_in_days=30,
    )
    role, access, model = _model(stack, number, log.attr_arn)
    ssm.CfnParameter(
        stack,
        "Name",
        type="String",
        name=f"/sagemaker-workflow/endpoints/{name}",
        value=name,
        description=f"Name of the SageMaker endpoint {name}",
    )
    alarms = [_alarm(stack, name, *one) for one in ALARMS]
    config = sagemaker.CfnEndpointConfig(
        stack,
        "Config",
        kms_key_id=KEY,
        production_variants=[
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name="primary",
                model_name=model.attr_model_name,
                instance_type="ml.m5.xlarge",
                initial_instance_count=2,
                initial_variant_weight=1,
                container_startup_health_check_timeout_in_seconds=600,
                model_data_download_timeout_in_seconds=600,
                routing_config=sagemaker.CfnEndpointConfig.RoutingConfigProperty(
                    routing_strategy="LEAST_OUTSTANDING_REQUESTS"
                ),
            )
        ],
    )
    endpoint = sagemaker.CfnEndpoint(
        stack,
        "Endpoint",
        endpoint_name=name,
        endpoint_config_name=config.attr_endpoint_config_name,
        retain_all_variant_properties=True,
        exclude_retained_variant_properties=[
            sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DataCaptureConfig")
        ],
        deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=one.ref) for one in alarms]
            ),
            blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
                traffic_routing_configuration=sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
                    type="CANARY",
                    wait_interval_in_seconds=300,
                    canary_size=sagemaker.CfnEndpoint.CapacitySizeProperty(
                        type="INSTANCE_COUNT", value=1
                    ),
                ),
                termination_wait_in_seconds=120,
                maximum_execution_timeout_in_seconds=4320,
            ),
        ),
    )
    for before in (log, access, role):
        endpoint.add_resource_dependency(before)
    _lifecycle(stack, name, endpoint, config.attr_endpoint_config_name)
    _dashboard(stack, name, [one.attr_arn for one in alarms])
    CfnOutput(stack, "EndpointName", value=name, description="Call the endpoint by it")


def _model(
    stack: Stack, number: int, log_arn: str
) -> tuple[iam.CfnRole, iam.CfnManagedPolicy, sagemaker.CfnModel]:
    source = f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:*"
    role = iam.CfnRole(
        stack,
        "Role",
        assume_role_policy_document=trust("sagemaker", {"ArnLike": {"aws:SourceArn": source}}),
        description=f"SageMaker hosting of {number}",
    )
    namespaces = ["/aws/sagemaker/*", "AWS/SageMaker"]
    access = iam.CfnManagedPolicy(
        stack,
        "Policy",
        roles=[role.ref],
        policy_document=policy(
            allow(
                ["cloudwatch:PutMetricData"],
                "*",
                {"StringLike": {"cloudwatch:namespace": namespaces}},
            ),
            allow(
                [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:BatchGetImage",
                ],
                f"arn:aws:ecr:{REGION}:683313688378:repository/sagemaker-xgboost",
            ),
            allow(["ecr:GetAuthorizationToken"], "*"),
            allow(["s3:GetObject"], f"arn:{PARTITION}:s3:::models/m/{number}.tar.gz"),
            allow(["kms:Decrypt"], KEY),
            allow(
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:PutLogEvents",
                    "logs:DescribeLogStreams",
                ],
                log_arn,
            ),
            allow(
                ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], KEY
            ),
            allow(
                ["cloudwatch:DescribeAlarms"],
                f"arn:{PARTITION}:cloudwatch:{REGION}:{ACCOUNT}:alarm:*",
            ),
        ),
    )
    model = sagemaker.CfnModel(
        stack,
        "Model",
        execution_role_arn=role.attr_arn,
        enable_network_isolation=True,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
            image=IMAGE, model_data_url=f"s3://models/m/{number}.tar.gz"
        ),
    )
    model.add_resource_dependency(access)
    model.add_resource_dependency(role)
    return role, access, model


def _alarm(
    stack: Stack,
    name: str,
    id_: str,
    metric: str,
    statistic: dict[str, str],
    minutes: int,
    threshold: float,
) -> cloudwatch.CfnAlarm:
    return cloudwatch.CfnAlarm(
        stack,
        id_,
        alarm_description=f"{name}: {metric}",
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name="EndpointName", value=name),
            cloudwatch.CfnAlarm.DimensionProperty(name="VariantName", value="primary"),
        ],
        period=60,
        evaluation_periods=minutes,
        datapoints_to_alarm=minutes,
        threshold=threshold,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
        **statistic,  # type: ignore[arg-type]
    )


def _lifecycle(stack: Stack, name: str, endpoint: CfnResource, config_name: str) -> None:
    log = logs.CfnLogGroup(
        stack,
        "FunctionLog",
        log_group_name=f"/aws/lambda/{name}-lifecycle",
        kms_key_id=KEY,
        retention_in_days=30,
    )
    letters = sqs.CfnQueue(
        stack, "Letters", kms_master_key_id=KEY, message_retention_period=1_209_600
    )
    secure = {"Bool": {"aws:SecureTransport": "false"}}
    sqs.CfnQueuePolicy(
        stack,
        "LettersPolicy",
        queues=[letters.ref],
        policy_document=policy(
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sqs:*",
                "Resource": letters.attr_arn,
                "Condition": secure,
            }
        ),
    )
    role = iam.CfnRole(stack, "FunctionRole", assume_role_policy_document=trust("lambda"))
    access = iam.CfnManagedPolicy(
        stack,
        "FunctionPolicy",
        roles=[role.ref],
        policy_document=policy(
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], log.attr_arn),
            allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
            allow(["sqs:SendMessage"], letters.attr_arn),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], KEY),
            allow(
                ["sagemaker:DescribeEndpoint"],
                f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}",
            ),
            allow(
                ["cloudwatch:DescribeAlarms"],
                f"arn:{PARTITION}:cloudwatch:{REGION}:{ACCOUNT}:alarm:*",
            ),
            allow(["cloudformation:DescribeStacks"], stack.stack_id),
        ),
    )
    code = assets.Asset(stack, "Code", path=str(FUNCTION), exclude=["__pycache__", "*.pyc"])
    function = lambda_.CfnFunction(
        stack,
        "Function",
        description=f"Checks and scales the endpoint {name}",
        runtime="python3.14",
        handler="endpoint_lifecycle.handler.handler",
        code=lambda_.CfnFunction.CodeProperty(
            s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key
        ),
        role=role.attr_arn,
        timeout=900,
        memory_size=256,
        reserved_concurrent_executions=3,
        dead_letter_config=lambda_.CfnFunction.DeadLetterConfigProperty(
            target_arn=letters.attr_arn
        ),
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.ref),
        tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
    )
    function.add_resource_dependency(access)
    deployed = CfnResource(
        stack,
        "Deployed",
        type="Custom::EndpointDeployed",
        properties={
            "ServiceToken": function.attr_arn,
            "ServiceTimeout": 900,
            "Phase": "Deployed",
            "EndpointName": name,
            "EndpointConfigName": config_name,
        },
    )
    for before in (log, access, endpoint):
        deployed.add_resource_dependency(before)


def _dashboard(stack: Stack, name: str, alarm_arns: list[str]) -> None:
    def graph(title: str, *metrics: str) -> dict[str, Any]:
        shown = [
            ["AWS/SageMaker", one, "EndpointName", name, "VariantName", "primary"]
            for one in metrics
        ]
        properties = {
            "title": title,
            "region": REGION,
            "view": "timeSeries",
            "period": 60,
            "metrics": shown,
        }
        return {"type": "metric", "width": 12, "height": 6, "properties": properties}

    widgets: list[dict[str, Any]] = [
        {"type": "text", "width": 24, "height": 2, "properties": {"markdown": f"# {name}"}},
        {
            "type": "alarm",
            "width": 24,
            "height": 2,
            "properties": {"title": "Alarms", "alarms": alarm_arns},
        },
        graph("errors", "Invocations", "Invocation4XXErrors", "Invocation5XXErrors"),
        graph("latency", "ModelLatency", "OverheadLatency"),
        graph("instances", "Invocations", "InvocationsPerInstance"),
        graph("use", "CPUUtilization", "MemoryUtilization", "GPUUtilization", "DiskUtilization"),
    ]
    cloudwatch.CfnDashboard(
        stack, "Dashboard", dashboard_name=name, dashboard_body=json.dumps({"widgets": widgets})
    )


def main(count: int, folder: str) -> None:
    """The assembly lies in the folder."""
    app = App(outdir=folder, analytics_reporting=False, stack_traces=False)
    for number in range(count):
        add(app, number)
    app.synth()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
