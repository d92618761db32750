"""SageMaker's resource types in CloudFormation: names, Ref, GetAtt, replacement, waiting."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.cloudformation.resource import ResourceType
from local_aws.cloudformation.types import TYPES
from local_aws.sagemaker.errors import ServiceError

BROKEN = "s3://artifacts/broken/model.tar.gz"
WHERE: dict[str, Any] = {"stack_name": "flights-local-endpoint", "logical_id": "Thing"}


def _type(noun: str) -> ResourceType:
    return next(kind for kind in TYPES if kind.noun == noun)


def _model_properties(aws: Aws, **rest: Any) -> dict[str, Any]:
    container = {"Image": aws.image, "ModelDataUrl": aws.model_data}
    return {"ExecutionRoleArn": aws.role, "PrimaryContainer": container, **rest}


def _config_properties(**changes: Any) -> dict[str, Any]:
    variant = {
        "VariantName": "primary",
        "ModelName": "model",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": "1",  # CloudFormation hands numbers over as strings
        "InitialVariantWeight": "1.0",
    }
    return {"ProductionVariants": [variant | changes]}


def test_ref_is_the_arn_and_getatt_gives_the_generated_name(aws: Aws) -> None:
    """CloudFormation resource schema AWS::SageMaker::Model: primaryIdentifier ModelArn."""
    arn, attributes = _type("Model").create(_model_properties(aws), **WHERE)
    assert arn.startswith("arn:aws:sagemaker:us-east-1:222233334444:model/thing-")
    assert attributes["ModelName"].startswith("Thing-")
    assert attributes["ModelArn"] == arn
    assert aws.call("DescribeModel", ModelName=attributes["ModelName"])["ModelArn"] == arn


def test_a_number_that_arrived_as_a_string_is_a_number(aws: Aws) -> None:
    aws.model()
    _, attributes = _type("EndpointConfig").create(_config_properties(), **WHERE)
    described = aws.call(
        "DescribeEndpointConfig", EndpointConfigName=attributes["EndpointConfigName"]
    )
    assert described["ProductionVariants"][0]["InitialInstanceCount"] == 1


def test_refuses_a_property_the_type_does_not_have(aws: Aws) -> None:
    """ministack accepts unknown properties, so the types must not."""
    _type("Model").create(_model_properties(aws), **WHERE)
    with pytest.raises(ValueError, match=r"extraneous key \[Colour\] is not permitted"):
        _type("Model").create(_model_properties(aws, Colour="blue"), **WHERE)


def test_refuses_an_unknown_property_deep_inside(aws: Aws) -> None:
    aws.model()
    _type("EndpointConfig").create(_config_properties(), **WHERE)
    with pytest.raises(ServiceError, match="Colour"):
        _type("EndpointConfig").create(_config_properties(Colour="blue"), **WHERE)


def test_a_changed_model_is_a_new_model(aws: Aws) -> None:
    """createOnlyProperties: everything but the tags."""
    kind, old = _type("Model"), _model_properties(aws)
    first, _ = kind.create(old, **WHERE)
    second, _ = kind.update(first, old | {"EnableNetworkIsolation": "true"}, old, **WHERE)
    assert second != first
    assert len(aws.call("ListModels")["Models"]) == 2
    kind.delete(first, old, **WHERE)
    assert [m["ModelArn"] for m in aws.call("ListModels")["Models"]] == [second]


def test_changed_tags_are_changed_in_place(aws: Aws) -> None:
    kind = _type("Model")
    old = _model_properties(aws, Tags=[{"Key": "a", "Value": "1"}])
    arn, _ = kind.create(old, **WHERE)
    after, _ = kind.update(arn, old | {"Tags": [{"Key": "b", "Value": "2"}]}, old, **WHERE)
    assert after == arn
    assert aws.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_refuses_to_replace_what_has_a_name_of_its_own(aws: Aws) -> None:
    kind, old = _type("Model"), _model_properties(aws, ModelName="mine")
    arn, _ = kind.create(old, **WHERE)
    with pytest.raises(ValueError, match="custom-named resource requires replacing"):
        kind.update(arn, old | {"EnableNetworkIsolation": "true"}, old, **WHERE)


def test_deleting_what_is_gone_is_fine(aws: Aws) -> None:
    kind = _type("Model")
    arn, _ = kind.create(_model_properties(aws), **WHERE)
    kind.delete(arn, {}, **WHERE)
    kind.delete(arn, {}, **WHERE)


def test_an_endpoint_is_created_when_it_is_in_service(aws: Aws) -> None:
    aws.model()
    aws.config("c1")
    properties = {"EndpointName": "Flights", "EndpointConfigName": "c1"}
    arn, attributes = _type("Endpoint").create(properties, **WHERE)
    assert arn.endswith(":endpoint/flights")
    assert attributes["EndpointName"] == "Flights"
    assert aws.call("DescribeEndpoint", EndpointName="Flights")["EndpointStatus"] == "InService"


def test_an_endpoint_that_fails_leaves_nothing_and_says_why(aws: Aws) -> None:
    """contracts.md, refusals: endpoint Failed, stack rolls back."""
    aws.services.objects.add(BROKEN)
    aws.model("broken", ModelDataUrl=BROKEN)
    aws.containers.broken.add(BROKEN)
    aws.config("c1", aws.variant(ModelName="broken"))
    with pytest.raises(RuntimeError, match="ping health check"):
        _type("Endpoint").create({"EndpointName": "e", "EndpointConfigName": "c1"}, **WHERE)
    assert aws.call("ListEndpoints")["Endpoints"] == []


def test_a_new_configuration_updates_the_endpoint_in_place(aws: Aws) -> None:
    aws.model()
    aws.config("c1")
    aws.config("c2")
    old = {"EndpointName": "e", "EndpointConfigName": "c1", "RetainAllVariantProperties": "true"}
    arn, _ = _type("Endpoint").create(old, **WHERE)
    after, _ = _type("Endpoint").update(arn, old | {"EndpointConfigName": "c2"}, old, **WHERE)
    assert after == arn
    assert aws.call("DescribeEndpoint", EndpointName="e")["EndpointConfigName"] == "c2"


def test_a_failed_update_raises_and_its_rollback_does_nothing(aws: Aws) -> None:
    aws.services.objects.add(BROKEN)
    aws.model()
    aws.model("broken", ModelDataUrl=BROKEN)
    aws.containers.broken.add(BROKEN)
    aws.config("c1")
    aws.config("c2", aws.variant(ModelName="broken"))
    kind, old = _type("Endpoint"), {"EndpointName": "e", "EndpointConfigName": "c1"}
    arn, _ = kind.create(old, **WHERE)
    new = old | {"EndpointConfigName": "c2"}
    with pytest.raises(RuntimeError, match=r"failed to update: .*ping health check"):
        kind.update(arn, new, old, **WHERE)
    fleet = list(aws.containers.running)
    assert kind.update(arn, old, new, **WHERE)[0] == arn
    assert aws.containers.running == fleet


def test_a_renamed_endpoint_is_a_new_endpoint(aws: Aws) -> None:
    aws.model()
    aws.config("c1")
    old = {"EndpointName": "one", "EndpointConfigName": "c1"}
    arn, _ = _type("Endpoint").create(old, **WHERE)
    after, _ = _type("Endpoint").update(arn, old | {"EndpointName": "two"}, old, **WHERE)
    assert after.endswith(":endpoint/two")


def test_a_deleted_endpoint_frees_its_configuration(aws: Aws) -> None:
    aws.model()
    config, attributes = _type("EndpointConfig").create(_config_properties(), **WHERE)
    name = attributes["EndpointConfigName"]
    arn, _ = _type("Endpoint").create({"EndpointConfigName": name}, **WHERE)
    _type("Endpoint").delete(arn, {}, **WHERE)
    _type("EndpointConfig").delete(config, {}, **WHERE)
    assert aws.call("ListEndpointConfigs")["EndpointConfigs"] == []


def test_a_group_has_its_attributes(aws: Aws) -> None:
    """CloudFormation: GetAtt CreationTime, ModelPackageGroupArn, ModelPackageGroupStatus."""
    arn, attributes = _type("ModelPackageGroup").create(
        {"ModelPackageGroupName": "flights"}, **WHERE
    )
    assert attributes["ModelPackageGroupArn"] == arn
    assert attributes["ModelPackageGroupStatus"] == "Completed"
    assert attributes["CreationTime"]
