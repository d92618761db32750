"""What configurations may say about variants, shadows and containers, and what becomes of it."""

from typing import Any

import pytest
from support.sagemaker_door import Aws
from support.sagemaker_fakes import IMAGE, MODEL_DATA, ROLE

SERVERLESS = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://captured/here",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


def _shadow(aws: Aws, **changes: Any) -> dict[str, Any]:
    return aws.variant(VariantName="shadow", **changes)


def _config_refused(aws: Aws, *variants: dict[str, Any], **rest: Any) -> str:
    chosen = list(variants) or [aws.variant()]
    error = aws.refusal(
        "CreateEndpointConfig", EndpointConfigName="bad", ProductionVariants=chosen, **rest
    )
    assert error.code == "ValidationException"
    return error.message


def _several(aws: Aws, name: str, *hostnames: str | None, **rest: Any) -> dict[str, Any]:
    containers = [
        {"Image": IMAGE, "ModelDataUrl": MODEL_DATA} | ({"ContainerHostname": one} if one else {})
        for one in hostnames
    ]
    return {"ModelName": name, "ExecutionRoleArn": ROLE, "Containers": containers, **rest}


def test_a_shadow_gets_a_copy_and_its_failure_is_its_own(aws: Aws) -> None:
    """API, ShadowProductionVariants: production traffic is replicated."""
    aws.model()
    aws.endpoint("flights", ShadowProductionVariants=[_shadow(aws)])
    production, shadow = aws.containers.running
    for number in range(4):
        assert aws.http("/endpoints/flights/invocations", str(number).encode())[0].status == 200
    aws.eventually(lambda: len(shadow.requests) == 4)
    assert sorted(shadow.requests) == production.requests
    shadow.stop()  # its invocations fail from here on
    response, _ = aws.http("/endpoints/flights/invocations")
    assert response.headers["x-Amzn-Invoked-Production-Variant"] == "primary"
    errors = ("Invocation5XXErrors", 1, {"EndpointName": "flights", "VariantName": "shadow"})
    aws.eventually(lambda: errors in aws.metrics)
    described = aws.call("DescribeEndpoint", EndpointName="flights")
    assert [v["VariantName"] for v in described["ShadowProductionVariants"]] == ["shadow"]


def test_a_shadow_gets_the_share_its_weight_is_of_the_other(aws: Aws) -> None:
    aws.model()
    half = _shadow(aws, InitialVariantWeight=1.0)
    aws.endpoint("flights", aws.variant(InitialVariantWeight=2.0), ShadowProductionVariants=[half])
    _, shadow = aws.containers.running
    for _ in range(10):
        aws.http("/endpoints/flights/invocations")
    aws.eventually(lambda: len(shadow.requests) == 5)


def test_refuses_more_than_one_production_or_shadow_variant(aws: Aws) -> None:
    """API, ShadowProductionVariants: one variant for each of the two."""
    aws.model()
    aws.config("good", ShadowProductionVariants=[_shadow(aws)])
    two = [_shadow(aws), aws.variant(VariantName="third")]
    message = _config_refused(aws, ShadowProductionVariants=two)
    assert "got 2 ShadowProductionVariants" in message
    message = _config_refused(
        aws,
        aws.variant(),
        aws.variant(VariantName="second"),
        ShadowProductionVariants=[_shadow(aws)],
    )
    assert "got 2 ProductionVariants" in message
    twin = _config_refused(aws, ShadowProductionVariants=[aws.variant()])
    assert twin == "Variant names must be unique, got primary, primary"


def test_refuses_a_shadow_beside_what_has_none(aws: Aws) -> None:
    aws.model()
    aws.model("many", Mode="MultiModel", ModelDataUrl="s3://artifacts/many/")
    aws.call("CreateModel", **_several(aws, "pipeline", None, None))
    bare = {"InstanceType": None, "InitialInstanceCount": None}
    serverless = aws.variant(ServerlessConfig=SERVERLESS, **bare)
    output = {"OutputConfig": {"S3OutputPath": "s3://o/p"}}
    shadows = {"ShadowProductionVariants": [_shadow(aws)]}
    assert "serverless variants such as primary" in _config_refused(aws, serverless, **shadows)
    assert "AsyncInferenceConfig cannot be combined" in _config_refused(
        aws, AsyncInferenceConfig=output, **shadows
    )
    for model, kind in (("many", "multi-model"), ("pipeline", "multi-container")):
        message = _config_refused(aws, aws.variant(ModelName=model), **shadows)
        assert f"do not support {kind}" in message


def test_refuses_a_volume_on_an_instance_with_local_storage(aws: Aws) -> None:
    """SageMaker SDK, volume_size_supported: no volume is attached to those."""
    aws.model()
    aws.config("good", aws.variant(VolumeSizeInGB=50))
    for kind in ("ml.g5.xlarge", "ml.m5d.large", "ml.p4d.24xlarge"):
        message = _config_refused(aws, aws.variant(InstanceType=kind, VolumeSizeInGB=50))
        assert message == (
            f"VolumeSizeInGB is not supported for the instance type {kind} of variant primary: it "
            "has local storage of a fixed size, and no volume is attached. Leave it out"
        )


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"VolumeSizeInGB": 513}, "less than or equal to 512"),
        ({"InferenceAmiVersion": "al2023-of-mine"}, "al2-ami-sagemaker-inference-gpu-2"),
        ({"RoutingConfig": {"RoutingStrategy": "ROUND_ROBIN"}}, "LEAST_OUTSTANDING_REQUESTS"),
        ({"RoutingConfig": {"RoutingStrategy": "PREFIX_AWARE"}}, "needs a PrefixAwareRouting"),
        ({"ModelDataDownloadTimeoutInSeconds": 59}, "greater than or equal to 60"),
        ({"ContainerStartupHealthCheckTimeoutInSeconds": 3601}, "less than or equal to 3600"),
    ],
)
def test_refuses_what_a_variant_cannot_be(aws: Aws, changes: dict[str, Any], part: str) -> None:
    """contracts.md 2.2 and 3.3."""
    aws.model()
    aws.config("good", aws.variant(RoutingConfig={"RoutingStrategy": "RANDOM"}))
    assert part in _config_refused(aws, aws.variant(**changes))


def test_refuses_capture_on_a_serverless_endpoint(aws: Aws) -> None:
    """contracts.md 4: data capture is not supported there."""
    aws.model()
    aws.config("good", DataCaptureConfig=CAPTURE)
    bare = {"InstanceType": None, "InitialInstanceCount": None}
    serverless = aws.variant(ServerlessConfig=SERVERLESS, **bare)
    message = _config_refused(aws, serverless, DataCaptureConfig=CAPTURE)
    assert message == "A serverless endpoint does not support DataCaptureConfig"


def test_containers_have_all_a_host_name_or_none(aws: Aws) -> None:
    """API, ContainerHostname."""
    aws.call("CreateModel", **_several(aws, "named", "a", "b"))
    aws.call("CreateModel", **_several(aws, "unnamed", None, None))
    error = aws.refusal("CreateModel", **_several(aws, "mixed", "a", None))
    assert error.message == (
        "Either every container of a model has a ContainerHostname or none does: 1 of 2 have one"
    )
    error = aws.refusal("CreateModel", **_several(aws, "twins", "a", "a"))
    assert error.message == "ContainerHostname must be unique in a model, got a, a"


def test_refuses_a_multi_model_container_without_a_prefix_it_may_read(aws: Aws) -> None:
    """contracts.md 2.4: ModelDataUrl is a prefix; 2.1: no ModelDataSource."""
    many = {"Image": IMAGE, "Mode": "MultiModel"}
    create = {"ModelName": "many", "ExecutionRoleArn": ROLE}
    error = aws.refusal("CreateModel", **create, PrimaryContainer=many)
    assert "needs a ModelDataUrl, the prefix of its archives" in error.message
    aws.denied.add("s3:GetObject")
    prefix = many | {"ModelDataUrl": "s3://artifacts/many/"}
    error = aws.refusal("CreateModel", **create, PrimaryContainer=prefix)
    assert '"s3:GetObject" permissions on arn:aws:s3:::artifacts/many/*' in error.message
    aws.denied.clear()
    aws.call("CreateModel", **create, PrimaryContainer=prefix)
    output = {"OutputConfig": {"S3OutputPath": "s3://o/p"}}
    message = _config_refused(aws, aws.variant(ModelName="many"), AsyncInferenceConfig=output)
    assert "InvokeEndpointAsync has no TargetModel" in message


def test_an_update_keeps_capture_unless_it_is_excluded(aws: Aws) -> None:
    """API, VariantPropertyType: DataCaptureConfig is one of the three."""
    aws.endpoint("flights", DataCaptureConfig=CAPTURE)
    aws.config("flights-2")
    for exclude, enabled in (([], True), (["DataCaptureConfig"], False)):
        aws.call(
            "UpdateEndpoint",
            EndpointName="flights",
            EndpointConfigName="flights-2",
            RetainAllVariantProperties=True,
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": one} for one in exclude],
        )
        assert ("DataCaptureConfig" in aws.settled("flights")) is enabled


def test_weights_of_unknown_variants_are_refused_and_nothing_changes(aws: Aws) -> None:
    aws.endpoint("flights", aws.variant(), aws.variant(VariantName="second"))
    error = aws.refusal(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="flights",
        DesiredWeightsAndCapacities=[
            {"VariantName": "second", "DesiredWeight": 0},
            {"VariantName": "third", "DesiredWeight": 1},
        ],
    )
    assert 'Could not find variant "third"' in error.message
    variants = aws.settled("flights")["ProductionVariants"]
    assert [v["CurrentWeight"] for v in variants] == [1.0, 1.0]
