from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks
from support.templates import allowed, only, resources

from sagemaker_workflow.endpoints import (
    AsyncEndpoint,
    AsyncResults,
    Instances,
    Queues,
    Rollout,
    Scaling,
)
from sagemaker_workflow.model import Model


@pytest.fixture
def results(bucket: s3.IBucket) -> AsyncResults:
    return AsyncResults(bucket=bucket, prefix="churn")


def async_config(stack: Stack) -> dict[str, Any]:
    config = only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]
    return dict(config["AsyncInferenceConfig"])


def endpoint_name(stack: Stack) -> Any:
    return only(stack, "AWS::SageMaker::Endpoint")["Properties"]["EndpointName"]


def test_replies_and_failures_have_places_of_their_own_and_are_encrypted(
    stack: Stack, model: Model, results: AsyncResults
) -> None:
    AsyncEndpoint(stack, "Churn", model=model, results=results)
    output = async_config(stack)["OutputConfig"]
    assert output["S3OutputPath"] == "s3://the-bucket/churn/output"
    assert output["S3FailurePath"] == "s3://the-bucket/churn/failure"
    assert output["KmsKeyId"] == results.bucket.encryption_key.key_arn  # type: ignore[union-attr]


def test_success_and_error_are_told_to_two_encrypted_topics(
    stack: Stack, model: Model, results: AsyncResults
) -> None:
    AsyncEndpoint(stack, "Churn", model=model, results=results)
    told = async_config(stack)["OutputConfig"]["NotificationConfig"]
    topics = resources(stack, "AWS::SNS::Topic")
    assert {told["SuccessTopic"]["Ref"], told["ErrorTopic"]["Ref"]} == set(topics)
    assert len(topics) == 2
    assert all("KmsMasterKeyId" in one["Properties"] for one in topics.values())
    assert "IncludeInferenceResponseIn" not in told


def test_replies_travel_in_the_message_when_asked(
    stack: Stack, model: Model, bucket: s3.IBucket
) -> None:
    results = AsyncResults(bucket=bucket, prefix="churn", include_response=True)
    AsyncEndpoint(stack, "Churn", model=model, results=results)
    told = async_config(stack)["OutputConfig"]["NotificationConfig"]
    assert told["IncludeInferenceResponseIn"] == [
        "SUCCESS_NOTIFICATION_TOPIC",
        "ERROR_NOTIFICATION_TOPIC",
    ]


def test_the_endpoint_waits_for_the_policy_that_lets_its_role_publish(
    stack: Stack, model: Model, results: AsyncResults
) -> None:
    AsyncEndpoint(stack, "Churn", model=model, results=results)
    [policy] = [n for n in resources(stack, "AWS::IAM::ManagedPolicy") if "ModelRole" in n]
    waits = set(only(stack, "AWS::SageMaker::Endpoint")["DependsOn"])
    assert {policy, *resources(stack, "AWS::SNS::TopicPolicy")} <= waits
    assert len(allowed(stack, "sns:Publish")) == 2
    assert allowed(stack, "kms:GenerateDataKey")


def test_an_address_is_subscribed_only_when_the_parameter_holds_one(
    stack: Stack, model: Model, bucket: s3.IBucket
) -> None:
    email = CfnParameter(stack, "Email", default="").value_as_string
    results = AsyncResults(bucket=bucket, prefix="churn", notification_email=email)
    AsyncEndpoint(stack, "Churn", model=model, results=results)
    subscriptions = resources(stack, "AWS::SNS::Subscription")
    assert len(subscriptions) == 2
    assert all(one["Condition"] for one in subscriptions.values())


def test_invoking_lets_requests_in_and_results_out_and_nothing_else(
    stack: Stack, model: Model, results: AsyncResults
) -> None:
    churn = AsyncEndpoint(stack, "Churn", model=model, results=results, name="Churn")
    user = iam.ManagedPolicy(stack, "User")
    churn.grant_invoke(user)
    assert allowed(stack, "sagemaker:InvokeEndpoint") == []
    [on] = allowed(stack, "sagemaker:InvokeEndpointAsync")
    assert on.endswith(":endpoint/churn")
    document = resources(stack, "AWS::IAM::ManagedPolicy")
    [mine] = [one for name, one in document.items() if name.startswith("User")]
    said = str(mine["Properties"]["PolicyDocument"]["Statement"])
    for part in ("churn/input/*", "churn/output/*", "churn/failure/*"):
        assert part in said


def test_it_goes_down_to_zero_and_follows_its_backlog(
    stack: Stack, model: Model, results: AsyncResults
) -> None:
    AsyncEndpoint(stack, "Churn", model=model, results=results, scaling=Scaling(min_capacity=0))
    for one in resources(stack, "Custom::EndpointScaling").values():
        assert one["Properties"]["MinCapacity"] == 0
        tracking, waking = one["Properties"]["Policies"]
        said = tracking["TargetTrackingScalingPolicyConfiguration"]
        assert said["TargetValue"] == 5
        metric = said["CustomizedMetricSpecification"]
        assert metric["MetricName"] == "ApproximateBacklogSizePerInstance"
        # The service publishes it for the endpoint alone (contracts 5.5).
        assert metric["Dimensions"] == [{"Name": "EndpointName", "Value": endpoint_name(stack)}]
        assert waking["PolicyType"] == "StepScaling"
        [alarm] = one["Properties"]["Alarms"]
        assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
        assert alarm["PolicyName"] == waking["PolicyName"]


def test_its_alarms_are_of_metrics_the_service_publishes_for_it(
    stack: Stack, model: Model, results: AsyncResults
) -> None:
    AsyncEndpoint(stack, "Churn", model=model, results=results)
    alarms = resources(stack, "AWS::CloudWatch::Alarm").values()
    metrics = {one["Properties"]["MetricName"] for one in alarms}
    assert metrics == {
        "InvocationFailures",
        "ExpiredRequests",
        "HasBacklogWithoutCapacity",
        "ApproximateAgeOfOldestRequest",
    }


def test_nag_finds_nothing(stack: Stack, model: Model, results: AsyncResults) -> None:
    Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    AsyncEndpoint(stack, "Churn", model=model, results=results, scaling=Scaling(min_capacity=0))
    assert isinstance(stack.node.root, App)
    stack.node.root.synth()


def test_everything_wrong_is_told_at_once(stack: Stack, model: Model, bucket: s3.IBucket) -> None:
    wrong = AsyncResults(bucket=bucket, prefix="s3://b/x", max_concurrent_per_instance=1001)
    with pytest.raises(ValueError, match="AsyncEndpoint Test/Churn") as refusal:
        AsyncEndpoint(
            stack,
            "Churn",
            model=model,
            results=wrong,
            capacity=Instances(count=0),
            rollout=Rollout(strategy="canary", step_percent=60),
            scaling=Scaling(min_capacity=-1),
        )
    assert str(refusal.value).count("\n  - ") == 5


def test_a_queue_nobody_works_on_is_told_but_does_not_undo_an_update(
    stack: Stack, model: Model, results: AsyncResults
) -> None:
    AsyncEndpoint(stack, "Churn", model=model, results=results, name="churn")
    alarms = resources(stack, "AWS::CloudWatch::Alarm")
    [(name, stuck)] = [
        (name, one["Properties"])
        for name, one in alarms.items()
        if one["Properties"]["MetricName"] == "HasBacklogWithoutCapacity"
    ]
    # The service publishes it for the endpoint alone (contracts 5.5).
    assert stuck["Dimensions"] == [{"Name": "EndpointName", "Value": "churn"}]
    assert stuck["EvaluationPeriods"] == stuck["DatapointsToAlarm"] == 30
    endpoint = only(stack, "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]
    watched = endpoint["AutoRollbackConfiguration"]["Alarms"]
    assert {"AlarmName": {"Ref": name}} not in watched
    assert len(watched) == len(alarms) - 2


def test_a_request_that_waits_too_long_is_told(stack: Stack, model: Model, bucket: Any) -> None:
    results = AsyncResults(bucket=bucket, prefix="churn", max_age_seconds=600)
    AsyncEndpoint(stack, "Churn", model=model, results=results, name="churn")
    [old] = [
        one["Properties"]
        for one in resources(stack, "AWS::CloudWatch::Alarm").values()
        if one["Properties"]["MetricName"] == "ApproximateAgeOfOldestRequest"
    ]
    assert old["Dimensions"] == [{"Name": "EndpointName", "Value": "churn"}]
    assert (old["Threshold"], old["Statistic"]) == (600, "Maximum")


def test_results_and_errors_wait_in_encrypted_queues_with_dead_letters(
    stack: Stack, model: Model, bucket: s3.IBucket
) -> None:
    results = AsyncResults(bucket=bucket, prefix="churn", queues=Queues(max_receives=3))
    churn = AsyncEndpoint(stack, "Churn", model=model, results=results)
    churn.grant_take_results(iam.ManagedPolicy(stack, "Taker"))
    queues = resources(stack, "AWS::SQS::Queue")
    assert all("KmsMasterKeyId" in one["Properties"] for one in queues.values())
    waiting = [one for one in queues.values() if "RedrivePolicy" in one["Properties"]]
    assert [one["Properties"]["RedrivePolicy"]["maxReceiveCount"] for one in waiting] == [3, 3]
    subscriptions = resources(stack, "AWS::SNS::Subscription").values()
    assert {one["Properties"]["Protocol"] for one in subscriptions} == {"sqs"}
    assert all(one["Properties"]["RawMessageDelivery"] for one in subscriptions)
    assert len(allowed(stack, "sqs:ReceiveMessage")) == 2
    key = only(stack, "AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"]
    [deliveries] = [one for one in key if one.get("Sid") == "Deliveries"]
    assert "sns.amazonaws.com" in deliveries["Principal"]["Service"]


def test_without_queues_there_is_nothing_to_take(
    stack: Stack, model: Model, results: AsyncResults
) -> None:
    churn = AsyncEndpoint(stack, "Churn", model=model, results=results)
    with pytest.raises(ValueError, match=r"Test/Churn has no queues: set results\.queues"):
        churn.grant_take_results(iam.ManagedPolicy(stack, "Taker"))
