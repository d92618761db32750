"""What is refused of inference components; the good case comes first."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

ASYNC = {"OutputConfig": {"S3OutputPath": "s3://out/async/"}}


def _config_refusal(aws: Aws, *variants: dict[str, Any], **rest: Any) -> str:
    request = {"EndpointConfigName": "bad", "ProductionVariants": list(variants)} | rest
    return aws.refusal("CreateEndpointConfig", **request).message


def _refused(aws: Aws, hosting: Any, **changes: Any) -> str:
    error = aws.refusal("CreateInferenceComponent", **hosting.request("bad", **changes))
    assert error.code == "ValidationException"
    assert [c["InferenceComponentName"] for c in _listed(aws)] == ["churn"]
    return error.message


def _listed(aws: Aws) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.call("ListInferenceComponents")["InferenceComponents"]
    return found


def test_refuses_a_configuration_without_a_role(aws: Aws, hosting: Any) -> None:
    """contracts 3.4: ExecutionRoleArn on the config."""
    aws.config("good", hosting.variant(), ExecutionRoleArn=aws.role)
    assert _config_refusal(aws, hosting.variant()) == (
        "ExecutionRoleArn is required for an endpoint that holds inference components: primary "
        "names no model"
    )


def test_refuses_variants_with_and_without_a_model(aws: Aws, hosting: Any) -> None:
    aws.model()
    aws.config("good", hosting.variant(), ExecutionRoleArn=aws.role)
    other = aws.variant(VariantName="other")
    assert _config_refusal(aws, hosting.variant(), other, ExecutionRoleArn=aws.role) == (
        "Either every production variant names a model or none does: other does, primary does not"
    )


def test_refuses_managed_instance_scaling_of_a_model(aws: Aws, hosting: Any) -> None:
    """contracts 3.5: only with inference components."""
    aws.model()
    aws.config("good", hosting.managed(0, 2), ExecutionRoleArn=aws.role)
    bounds = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    assert _config_refusal(aws, aws.variant(ManagedInstanceScaling=bounds)) == (
        "ManagedInstanceScaling is only supported for inference component endpoints: variant "
        "primary names a model"
    )


def test_refuses_bounds_of_instances_that_cross(aws: Aws, hosting: Any) -> None:
    aws.config("good", hosting.managed(1, 1), ExecutionRoleArn=aws.role)
    assert _config_refusal(aws, hosting.managed(3, 2), ExecutionRoleArn=aws.role) == (
        "MinInstanceCount (3) of variant primary must not exceed MaxInstanceCount (2)"
    )


def test_refuses_an_asynchronous_endpoint_with_components(aws: Aws, hosting: Any) -> None:
    """design 6: async endpoint with inference components."""
    aws.model()
    aws.config("good", AsyncInferenceConfig=ASYNC)
    message = _config_refusal(
        aws, hosting.variant(), ExecutionRoleArn=aws.role, AsyncInferenceConfig=ASYNC
    )
    assert message == "AsyncInferenceConfig does not support inference components"


def test_refuses_a_serverless_variant_without_a_model(aws: Aws, hosting: Any) -> None:
    aws.config("good", hosting.variant(), ExecutionRoleArn=aws.role)
    serverless = {
        "VariantName": "primary",
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
    }
    assert "needs a ModelName" in _config_refusal(aws, serverless, ExecutionRoleArn=aws.role)


def test_refuses_a_component_on_a_variant_that_names_a_model(aws: Aws, hosting: Any) -> None:
    """design 6; the service's own sentence."""
    hosting.endpoint()
    hosting.component()
    aws.endpoint("plain")
    assert _refused(aws, hosting, EndpointName="plain") == (
        "Inference Components are not supported in this Endpoint. Please make sure this endpoint "
        "can deploy inference components."
    )


def test_refuses_the_same_name_twice_in_any_case(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    hosting.component()
    error = aws.refusal("CreateInferenceComponent", **hosting.request("Churn"))
    assert error.message == (
        "Cannot create already existing inference component "
        '"arn:aws:sagemaker:us-east-1:222233334444:inference-component/churn".'
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"EndpointName": "nobody"}, "Could not find endpoint"),
        ({"VariantName": "other"}, 'Could not find variant "other"'),
        ({"RuntimeConfig": {"CopyCount": 0}}, "must be an integer larger than 0, got 0"),
        ({"Specification": None}, "exactly one of Specification, Specifications"),
    ],
)
def test_refuses_what_names_nothing(
    aws: Aws, hosting: Any, change: dict[str, Any], reason: str
) -> None:
    hosting.endpoint()
    hosting.component()
    assert reason in _refused(aws, hosting, **change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ModelName": "nobody"}, "Could not find model"),
        ({"ModelName": None}, "exactly one of ModelName and Container"),
        ({"ComputeResourceRequirements": None}, "ComputeResourceRequirements is required"),
        ({"BaseInferenceComponentName": "churn"}, "Adapter inference components"),
        ({"ModelName": None, "Container": {}}, "Container needs an Image"),
        (
            {"ComputeResourceRequirements": {"MinMemoryRequiredInMb": 64}},
            "greater than or equal to 128",
        ),
        (
            {
                "ComputeResourceRequirements": {
                    "MinMemoryRequiredInMb": 2048,
                    "MaxMemoryRequiredInMb": 1024,
                }
            },
            "MaxMemoryRequiredInMb (1024) must not be less than MinMemoryRequiredInMb (2048)",
        ),
    ],
)
def test_refuses_a_specification_that_cannot_run(
    aws: Aws, hosting: Any, change: dict[str, Any], reason: str
) -> None:
    hosting.endpoint()
    hosting.component()
    assert reason in _refused(aws, hosting, Specification=hosting.specification(**change))


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"ArtifactUrl": "s3://artifacts/model.zip"}, "ArtifactUrl must be one .tar.gz file"),
        ({"ArtifactUrl": "s3://artifacts/none.tar.gz"}, "Could not access model data"),
        ({"Image": "222233334444.dkr.ecr.us-east-1.amazonaws.com/no:tag"}, "Requested image"),
    ],
)
def test_refuses_a_container_that_is_not_there(
    aws: Aws, hosting: Any, container: dict[str, Any], reason: str
) -> None:
    hosting.endpoint()
    good = {"Image": aws.image, "ArtifactUrl": aws.model_data}
    hosting.component(Specification=hosting.specification(ModelName=None, Container=good))
    bad = hosting.specification(ModelName=None, Container=good | container)
    assert reason in _refused(aws, hosting, Specification=bad)


def test_refuses_what_no_instance_could_ever_hold(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    hosting.component()
    needs = {"MinMemoryRequiredInMb": 1024, "NumberOfAcceleratorDevicesRequired": 1}
    huge = hosting.specification(ComputeResourceRequirements=needs)
    assert _refused(aws, hosting, Specification=huge) == (
        "There is not enough hardware resources on the instances for this endpoint to create a "
        "copy of the inference component. A copy needs 0 CPU cores, 1024 MB of memory and 1 "
        "accelerators; an instance of type ml.m5.xlarge has 4 CPU cores, 16384 MB of memory and 0 "
        "accelerators"
    )


def test_says_which_instance_type_it_does_not_know(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    hosting.component()
    hosting.endpoint(hosting.variant() | {"InstanceType": "ml.trn2.48xlarge"}, name="new")
    assert _refused(aws, hosting, EndpointName="new") == (
        "the local AWS does not know what an instance of type ml.trn2.48xlarge holds, so it cannot "
        "place copies on it"
    )


def test_refuses_to_change_or_delete_a_component_that_is_being_made(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    aws.containers.gate.clear()
    aws.call("CreateInferenceComponent", **hosting.request())
    arn = "arn:aws:sagemaker:us-east-1:222233334444:inference-component/churn"
    named = {"InferenceComponentName": "churn"}
    deleting = aws.refusal("DeleteInferenceComponent", **named)
    scaling = aws.refusal(
        "UpdateInferenceComponentRuntimeConfig", **named, DesiredRuntimeConfig={"CopyCount": 2}
    )
    aws.containers.gate.set()
    assert deleting.message == (
        f'Cannot delete inference component "{arn}" while it is in state CREATE_IN_PROGRESS.'
    )
    assert scaling.message == (
        f'Cannot update inference component "{arn}" while it is in state CREATE_IN_PROGRESS.'
    )
    assert hosting.settled()["InferenceComponentStatus"] == "InService"


def test_refuses_operations_on_a_component_that_does_not_exist(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    hosting.component()
    for operation in (
        "DescribeInferenceComponent",
        "DeleteInferenceComponent",
        "UpdateInferenceComponent",
    ):
        error = aws.refusal(operation, InferenceComponentName="nobody")
        assert 'Could not find inference component "arn:' in error.message
