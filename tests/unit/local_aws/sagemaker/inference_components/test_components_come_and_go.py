"""Inference components made, described, scaled and deleted (contracts 3.4; botocore's model)."""

import json
from typing import Any

from support.sagemaker_door import Aws

from tests.unit.local_aws.sagemaker.test_package_environments import DIGEST, served


def test_a_component_serves_on_an_endpoint_without_a_model(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    described = hosting.component(RuntimeConfig={"CopyCount": 2})
    assert described["InferenceComponentStatus"] == "InService"
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
    assert described["VariantName"] == "primary"
    assert len(aws.containers.running) == 2
    status, body = hosting.invoke()
    assert (status, json.loads(body)) == (200, {"predictions": []})


def test_components_of_one_endpoint_run_their_own_models(aws: Aws, hosting: Any) -> None:
    other = "s3://artifacts/other/model.tar.gz"
    aws.services.objects.add(other)
    hosting.endpoint()
    hosting.component("first")
    container = {"Image": aws.image, "ArtifactUrl": other, "Environment": {"A": "1"}}
    specification = hosting.specification(ModelName=None, Container=container)
    described = hosting.component("second", Specification=specification)
    first, second = (c.spec.container for c in aws.containers.running)
    assert (first.model_data_url, second.model_data_url) == (aws.model_data, other)
    assert second.environment == {"A": "1"}
    shown = described["Specification"]["Container"]
    assert shown["DeployedImage"]["SpecifiedImage"] == aws.image
    assert shown["ArtifactUrl"] == other


def test_a_copy_runs_under_the_configurations_role_and_logs_to_its_own_group(
    aws: Aws, hosting: Any
) -> None:
    """contracts 3.4: the role is on the config; logs in /aws/sagemaker/InferenceComponents."""
    hosting.endpoint()
    hosting.component()
    (copy,) = aws.containers.running
    assert copy.spec.container.role_arn == aws.role
    assert copy.spec.log_group == "/aws/sagemaker/InferenceComponents/churn"


def test_scales_to_zero_and_back(aws: Aws, hosting: Any) -> None:
    """botocore: InferenceComponentCopyCount starts at 0."""
    hosting.endpoint()
    hosting.component()
    assert hosting.scale(0)["RuntimeConfig"] == {"DesiredCopyCount": 0, "CurrentCopyCount": 0}
    assert aws.containers.running == []
    assert hosting.scale(2)["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert hosting.invoke()[0] == 200


def test_a_container_that_never_answers_fails_the_component(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    aws.containers.broken.add(aws.model_data)
    described = hosting.component()
    assert described["InferenceComponentStatus"] == "Failed"
    assert "ping health check" in described["FailureReason"]
    assert described["RuntimeConfig"]["CurrentCopyCount"] == 0
    aws.containers.broken.clear()
    aws.call("DeleteInferenceComponent", InferenceComponentName="churn")
    hosting.gone()
    assert hosting.component()["InferenceComponentStatus"] == "InService"


def test_lists_the_components_of_an_endpoint(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    hosting.endpoint(name="empty")
    hosting.component("first")
    hosting.component("second")

    def names(**filters: Any) -> list[str]:
        found = aws.call("ListInferenceComponents", SortBy="Name", **filters)
        return [c["InferenceComponentName"] for c in found["InferenceComponents"]]

    assert names(EndpointNameEquals="shared") == ["second", "first"]
    assert names(EndpointNameEquals="empty") == []
    assert names(NameContains="fir", StatusEquals="InService") == ["first"]
    assert names(VariantNameEquals="other") == []


def test_carries_tags_until_it_is_gone(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    arn = hosting.component(Tags=[{"Key": "team", "Value": "risk"}])["InferenceComponentArn"]
    assert aws.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "risk"}]
    aws.call("DeleteInferenceComponent", InferenceComponentName="churn")
    hosting.gone()
    assert aws.containers.running == []
    assert "Could not find resource" in aws.refusal("ListTags", ResourceArn=arn).message


def test_deleting_the_endpoint_leaves_its_components(aws: Aws, hosting: Any) -> None:
    """contracts 3.4: delete components before the endpoint, for deleting it leaves them."""
    hosting.endpoint()
    hosting.component()
    aws.call("DeleteEndpoint", EndpointName="shared")
    aws.eventually(lambda: not aws.call("ListEndpoints")["Endpoints"])
    assert aws.containers.running == []
    assert hosting.describe()["InferenceComponentStatus"] == "InService"
    status, body = hosting.invoke()
    assert status == 400
    assert b"Endpoint shared of account 222233334444 not found" in body
    hosting.endpoint(name="again")
    request = hosting.request(EndpointName="again")
    assert "already existing" in aws.refusal("CreateInferenceComponent", **request).message
    aws.call("DeleteInferenceComponent", InferenceComponentName="churn")
    hosting.gone()


def test_copies_that_come_up_when_their_endpoint_is_gone_do_not_stay(
    aws: Aws, hosting: Any
) -> None:
    hosting.endpoint()
    aws.containers.gate.clear()
    aws.call("CreateInferenceComponent", **hosting.request())
    aws.call("DeleteEndpoint", EndpointName="shared")
    aws.eventually(lambda: not aws.call("ListEndpoints")["Endpoints"])
    aws.containers.gate.set()
    aws.eventually(lambda: hosting.describe()["InferenceComponentStatus"] == "Failed")
    assert "was stopped" in hosting.describe()["FailureReason"]
    assert aws.containers.running == []


def test_a_component_of_a_packages_model_has_the_packages_environment(
    aws: Aws, hosting: Any
) -> None:
    served(aws)
    hosting.endpoint()
    hosting.component()
    [running] = aws.containers.running
    assert running.spec.container.environment == DIGEST
