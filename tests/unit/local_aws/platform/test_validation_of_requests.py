"""Requests refused as the services refuse them: every fault at once, each with its path."""

from typing import Any

import pytest

from local_aws.patterns import java_pattern
from local_aws.validation import ValidationError, coerce, service_model, validate

ENDPOINT: dict[str, Any] = {"EndpointName": "e", "EndpointConfigName": "c"}


def faults(operation: str, request: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        validate("sagemaker", operation, request)
    return caught.value.faults


def test_lets_a_good_request_pass() -> None:
    validate("sagemaker", "CreateEndpoint", ENDPOINT)


def test_names_every_fault_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        validate("sagemaker", "CreateEndpoint", {"EndpointName": "-", "Tags": [{"Key": ""}]})

    assert str(caught.value) == (
        "4 validation errors detected: "
        "Value null at 'endpointConfigName' failed to satisfy constraint: Member must not be null; "
        "Value '-' at 'endpointName' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; "
        "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be "
        "null; "
        "Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length "
        "greater than or equal to 1"
    )


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"EndpointName": 5}, "Member must be of type string"),
        ({"EndpointName": "e" * 64}, "Member must have length less than or equal to 63"),
        ({"Tags": [{"Key": "k", "Value": "v"}] * 51}, "length less than or equal to 50"),
        ({"Color": "red"}, "Member must be one of: [EndpointName, EndpointConfigName,"),
    ],
    ids=["type", "length", "list", "unknown member"],
)
def test_refuses(given: dict[str, Any], constraint: str) -> None:
    (fault, *_) = faults("CreateEndpoint", {**ENDPOINT, **given})

    assert constraint in fault


def test_refuses_an_instance_type_nobody_has() -> None:
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.huge"}

    (fault,) = faults(
        "CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant]}
    )

    assert fault.startswith(
        "Value 'ml.huge' at 'productionVariants.1.member.instanceType' failed to satisfy "
        "constraint: Member must satisfy enum value set: [ml.t2.medium,"
    )


def test_a_boolean_is_no_number() -> None:
    config = {"MemorySizeInMB": True, "MaxConcurrency": 5}
    variant = {"VariantName": "v", "ModelName": "m", "ServerlessConfig": config}

    (fault,) = faults(
        "CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant]}
    )

    assert "'productionVariants.1.member.serverlessConfig.memorySizeInMB'" in fault


def test_reads_numbers_and_booleans_as_templates_write_them() -> None:
    given = {"InitialInstanceCount": "2", "InitialVariantWeight": "0.5", "EnableSSMAccess": "true"}

    made = coerce("sagemaker", "CreateEndpointConfig", {"ProductionVariants": [given]})

    assert made == {
        "ProductionVariants": [
            {"InitialInstanceCount": 2, "InitialVariantWeight": 0.5, "EnableSSMAccess": True}
        ]
    }


def test_leaves_what_it_cannot_read_for_validation_to_name() -> None:
    made = coerce("sagemaker", "CreateEndpointConfig", {"ProductionVariants": [{"ModelName": 7}]})
    worse = coerce(
        "sagemaker",
        "CreateEndpointConfig",
        {"ProductionVariants": [{"InitialInstanceCount": "two"}]},
    )

    assert made == {"ProductionVariants": [{"ModelName": "7"}]}
    assert worse == {"ProductionVariants": [{"InitialInstanceCount": "two"}]}


@pytest.mark.parametrize(
    "service",
    ["sagemaker", "sagemaker-runtime", "sagemaker-metrics", "application-autoscaling"],
)
def test_every_pattern_of_the_services_is_understood(service: str) -> None:
    model = service_model(service)
    for name in model.shape_names:
        pattern = model.shape_for(name).metadata.get("pattern")
        if pattern:
            java_pattern(pattern)


def test_unicode_properties_mean_what_they_say() -> None:
    words = java_pattern(r"[\p{L}\p{Z}]*")

    assert words.fullmatch("Grüße an alle")
    assert not words.fullmatch("42")
    assert java_pattern(r"\P{L}").fullmatch("4")
