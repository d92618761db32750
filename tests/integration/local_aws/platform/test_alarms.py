"""Alarms follow the metrics of what ran: their own dimensions', and as time passes."""

from typing import Any

from support.local_aws_server import LocalAws
from support.policies import wait_for


def test_an_alarm_hears_its_own_endpoint_only_and_calms_down(aws: LocalAws, name: str) -> None:
    busy, idle = f"{name}-busy", f"{name}-idle"
    for endpoint in (busy, idle):
        aws.client("sagemaker").create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
        put_alarm(aws, endpoint)
    for endpoint in (busy, idle):  # missing data is not breaching
        wait_for(lambda one=endpoint: state(aws, one), lambda seen: seen == "OK")

    aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=busy, Body=b"x")

    wait_for(lambda: state(aws, busy), lambda seen: seen == "ALARM")
    assert state(aws, idle) == "OK"
    # A minute is three seconds here; then nothing is known any more, and nothing breaches.
    wait_for(lambda: state(aws, busy), lambda seen: seen == "OK")


def put_alarm(aws: LocalAws, endpoint: str) -> None:
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=endpoint,
        Namespace="AWS/SageMaker",
        MetricName="InvocationsPerInstance",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "primary"},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def state(aws: LocalAws, name: str) -> Any:
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm["StateValue"]
