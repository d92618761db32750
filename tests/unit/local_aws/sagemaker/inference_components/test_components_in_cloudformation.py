"""AWS::SageMaker::InferenceComponent (CloudFormation resource schema)."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.cloudformation.inference_component import TYPE
from local_aws.sagemaker.errors import ServiceError

WHERE: dict[str, Any] = {"stack_name": "shared", "logical_id": "Churn"}
NEW = "s3://artifacts/new/model.tar.gz"


def _properties(**changes: Any) -> dict[str, Any]:
    """Properties as a template hands them over: numbers are strings."""
    needs = {"MinMemoryRequiredInMb": "4096", "NumberOfCpuCoresRequired": "0.5"}
    properties = {
        "EndpointName": "shared",
        "VariantName": "primary",
        "Specification": {"ModelName": "model", "ComputeResourceRequirements": needs},
        "RuntimeConfig": {"CopyCount": "1"},
    } | changes
    return {k: v for k, v in properties.items() if v is not None}


def test_ref_is_the_arn_and_getatt_tells_the_copies(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    arn, attributes = TYPE.create(_properties(), **WHERE)
    name = attributes["InferenceComponentName"]
    assert arn == attributes["InferenceComponentArn"]
    assert arn.endswith(f":inference-component/{name.lower()}")
    assert name.startswith("Churn-")
    assert attributes["InferenceComponentStatus"] == "InService"
    assert attributes["RuntimeConfig.CurrentCopyCount"] == "1"
    needs = hosting.describe(name)["Specification"]["ComputeResourceRequirements"]
    assert needs == {"MinMemoryRequiredInMb": 4096, "NumberOfCpuCoresRequired": 0.5}


def test_a_create_that_fails_leaves_nothing_and_says_why(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    TYPE.create(_properties(), **WHERE)
    with pytest.raises(RuntimeError, match="failed to be created: There is not enough hardware"):
        TYPE.create(_properties(RuntimeConfig={"CopyCount": "9"}), **WHERE)
    assert len(aws.call("ListInferenceComponents")["InferenceComponents"]) == 1


def test_specification_and_copies_change_in_place(aws: Aws, hosting: Any) -> None:
    """CloudFormation resource schema: no property is create-only."""
    aws.services.objects.add(NEW)
    hosting.endpoint()
    old = _properties(InferenceComponentName="churn")
    arn, _ = TYPE.create(old, **WHERE)
    container = {"Image": aws.image, "ArtifactUrl": NEW}
    needs = old["Specification"]["ComputeResourceRequirements"]
    specification = {"Container": container, "ComputeResourceRequirements": needs}
    policy = {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": "50"},
        "WaitIntervalInSeconds": "0",
    }
    new = old | {
        "Specification": specification,
        "RuntimeConfig": {"CopyCount": "2"},
        "DeploymentConfig": {"RollingUpdatePolicy": policy},
    }
    assert TYPE.update(arn, new, old, **WHERE)[0] == arn
    described = hosting.describe()
    assert described["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert described["Specification"]["Container"]["ArtifactUrl"] == NEW
    assert described["LastDeploymentConfig"]["RollingUpdatePolicy"]["WaitIntervalInSeconds"] == 0


def test_a_scaled_count_is_kept_by_an_update_that_does_not_change_it(
    aws: Aws, hosting: Any
) -> None:
    """Not documented; only what changed in the template is sent."""
    hosting.endpoint()
    old = _properties(InferenceComponentName="churn")
    arn, _ = TYPE.create(old, **WHERE)
    hosting.scale(2)
    needs = {"MinMemoryRequiredInMb": "2048"}
    smaller = {"ModelName": "model", "ComputeResourceRequirements": needs}
    TYPE.update(arn, old | {"Specification": smaller}, old, **WHERE)
    assert hosting.describe()["RuntimeConfig"]["CurrentCopyCount"] == 2


def test_an_update_that_fails_says_why_and_its_rollback_finds_all_well(
    aws: Aws, hosting: Any
) -> None:
    aws.services.objects.add(NEW)
    aws.containers.broken.add(NEW)
    hosting.endpoint()
    old = _properties(InferenceComponentName="churn")
    arn, _ = TYPE.create(old, **WHERE)
    container = {"Image": aws.image, "ArtifactUrl": NEW}
    needs = old["Specification"]["ComputeResourceRequirements"]
    broken = {"Container": container, "ComputeResourceRequirements": needs}
    new = old | {"Specification": broken}
    with pytest.raises(RuntimeError, match=r"churn failed to update: .*ping health check"):
        TYPE.update(arn, new, old, **WHERE)
    (before,) = aws.containers.running
    assert TYPE.update(arn, old, new, **WHERE)[0] == arn
    assert aws.containers.running == [before]


@pytest.mark.parametrize(
    "change",
    [{"EndpointName": "other"}, {"InferenceComponentName": "new"}, {"VariantName": None}],
)
def test_refuses_to_move_or_rename_a_component(
    aws: Aws, hosting: Any, change: dict[str, Any]
) -> None:
    """UpdateInferenceComponent has no member for it, and no property replaces the resource."""
    hosting.endpoint()
    old = _properties(InferenceComponentName="churn")
    arn, _ = TYPE.create(old, **WHERE)
    new = {k: v for k, v in (old | change).items() if v is not None}
    with pytest.raises(ValueError, match=f"{next(iter(change))} of an inference component cannot"):
        TYPE.update(arn, new, old, **WHERE)


def test_deletes_a_component_once_and_forgives_one_that_is_gone(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    properties = _properties(InferenceComponentName="churn")
    arn, _ = TYPE.create(properties, **WHERE)
    TYPE.delete(arn, properties, **WHERE)
    assert aws.call("ListInferenceComponents")["InferenceComponents"] == []
    assert aws.containers.running == []
    TYPE.delete(arn, properties, **WHERE)


def test_refuses_properties_the_service_refuses(aws: Aws, hosting: Any) -> None:
    hosting.endpoint()
    TYPE.create(_properties(), **WHERE)
    with pytest.raises(ServiceError, match="larger than 0"):
        TYPE.create(_properties(RuntimeConfig={"CopyCount": "0"}), **WHERE)
    with pytest.raises(ValueError, match=r"extraneous key \[Copies\] is not permitted"):
        TYPE.create(_properties(Copies=1), **WHERE)
