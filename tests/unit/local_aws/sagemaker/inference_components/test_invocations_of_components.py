"""InvokeEndpoint with and without a component's name, and what CloudWatch learns of it."""

import json
from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.sagemaker.inference_components import sampling
from local_aws.sagemaker.inference_components.component import require

OWN = {"InferenceComponentName": "churn"}


def _message(answer: tuple[int, bytes]) -> str:
    status, body = answer
    assert status == 400
    refusal = json.loads(body)
    assert refusal["__type"] == "ValidationError"
    return str(refusal["Message"])


def _values(aws: Aws, name: str) -> list[float]:
    return [v for n, v, dimensions in aws.metrics if n == name and dimensions == OWN]


def test_refuses_a_request_that_names_no_component(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    hosting.component()
    assert hosting.invoke()[0] == 200
    assert _message(hosting.invoke(None)) == (
        "Inference Component Name header is required for endpoints to which you plan to deploy "
        "inference components. Please include Inference Component Name header or consider using "
        "SageMaker models."
    )


def test_refuses_a_component_on_an_endpoint_of_models(aws: Aws, hosting: Any) -> None:
    aws.endpoint("plain")
    assert hosting.invoke(None, "plain")[0] == 200
    assert _message(hosting.invoke("churn", "plain")).startswith(
        "Inference Component Name header is not allowed for endpoints"
    )


@pytest.mark.parametrize("name", ["nobody", "Churn", "elsewhere"])
def test_refuses_a_component_the_endpoint_does_not_have(aws: Aws, hosting: Any, name: str) -> None:
    hosting.endpoint()
    hosting.endpoint(name="other")
    hosting.component()
    hosting.component("elsewhere", EndpointName="other")
    assert f"Inference Component {name} of endpoint shared" in _message(hosting.invoke(name))


def test_no_copies_mean_no_capacity_and_a_metric_that_an_alarm_can_see(
    aws: Aws, hosting: Any
) -> None:
    """contracts 3.4 and 3.5: the sentence, and NoCapacityInvocationFailures."""
    hosting.endpoint()
    hosting.component()
    hosting.scale(0)
    assert _message(hosting.invoke()) == (
        "Inference Component has no capacity to process this request. ApplicationAutoScaling may "
        "be in-progress (if configured) or try to increase the capacity by invoking "
        "UpdateInferenceComponentRuntimeConfig API."
    )
    assert _values(aws, "NoCapacityInvocationFailures") == [1]
    hosting.scale(1)
    assert hosting.invoke()[0] == 200
    assert _values(aws, "NoCapacityInvocationFailures") == [1]


def test_a_request_is_counted_under_the_components_own_name(aws: Aws, hosting: Any) -> None:
    """contracts 3.5: dimension InferenceComponentName; InvocationsPerCopy is 1/copies."""
    hosting.endpoint()
    hosting.component(RuntimeConfig={"CopyCount": 2})
    hosting.invoke()
    assert _values(aws, "Invocations") == [1]
    assert _values(aws, "InvocationsPerCopy") == [0.5]
    assert _values(aws, "ModelLatency") == [1500]
    assert _values(aws, "Invocation5XXErrors") == [0]
    assert all(dimensions == OWN for _, _, dimensions in aws.metrics)


def test_concurrency_is_the_most_that_ran_at_once_for_each_copy(aws: Aws, hosting: Any) -> None:
    """contracts 3.5: ConcurrentRequestsPerCopy every ten seconds, at rest too."""
    hosting.endpoint()
    hosting.component()
    aws.metrics.clear()
    hosting.invoke()
    sampling.look(minute=False)
    sampling.look(minute=True)
    assert _values(aws, "ConcurrentRequestsPerCopy") == [1, 0]
    assert _values(aws, "InvocationsPerCopy") == [1, 0]
    hosting.scale(0)
    sampling.look(minute=True)
    assert _values(aws, "ConcurrentRequestsPerCopy") == [1, 0]


def test_the_concurrency_of_a_variant_is_that_of_its_instances(aws: Aws) -> None:
    """contracts 3.5: ConcurrentRequestsPerModel under EndpointName and VariantName."""
    aws.endpoint("plain", aws.variant(InitialInstanceCount=2))
    aws.http("/endpoints/plain/invocations", b"1")
    aws.metrics.clear()
    sampling.look(minute=False)
    sampling.look(minute=False)
    dimensions = {"EndpointName": "plain", "VariantName": "primary"}
    name = "ConcurrentRequestsPerModel"
    assert aws.metrics == [(name, 0.5, dimensions), (name, 0, dimensions)]


def test_a_copy_whose_container_died_gets_no_request_while_others_live(
    aws: Aws, hosting: Any
) -> None:
    hosting.endpoint()
    hosting.component(RuntimeConfig={"CopyCount": 3})
    alive = aws.containers.running[1]
    alive.running = 1
    for _ in range(10):
        assert hosting.invoke()[0] == 200
    assert len(alive.requests) == 10


def test_the_least_busy_copy_answers_when_asked_for_that(aws: Aws, hosting: Any) -> None:
    """botocore: RoutingConfig.RoutingStrategy."""
    routing = {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    hosting.endpoint(hosting.variant(RoutingConfig=routing))
    hosting.component(RuntimeConfig={"CopyCount": 2})
    component = require("churn")
    picked = [component.pick() for _ in range(4)]
    assert sorted(copy.busy for copy in component.copies) == [2, 2]
    assert all(copy is not None for copy in picked)
