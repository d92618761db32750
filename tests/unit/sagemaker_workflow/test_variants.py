"""Several models behind one endpoint: by weight, and as a shadow."""

import dataclasses
from typing import Any

import pytest
from aws_cdk import CfnCondition, CfnParameter, Fn, Stack
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match, Template
from support.templates import allowed, only, resources

from sagemaker_workflow.endpoints import (
    Capture,
    Instances,
    Metrics,
    Operations,
    RealtimeEndpoint,
    Rollout,
    Routing,
    Scaling,
    Shadow,
    Variant,
)
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData


@pytest.fixture
def other(stack: Stack, container: ModelContainer) -> Model:
    return Model(stack, "Other", serves=container)


def config(stack: Stack) -> dict[str, Any]:
    return dict(only(stack, "AWS::SageMaker::EndpointConfig")["Properties"])


def test_each_variant_has_its_own_model_machines_and_weight(
    stack: Stack, model: Model, other: Model
) -> None:
    RealtimeEndpoint(
        stack,
        "Compared",
        variants=[
            Variant(name="champion", model=model, weight=9),
            Variant(
                name="challenger", model=other, capacity=Instances(instance_type="ml.c5.xlarge")
            ),
        ],
    )
    first, second = config(stack)["ProductionVariants"]
    assert (first["VariantName"], first["InitialVariantWeight"]) == ("champion", 9)
    assert (second["InstanceType"], second["InitialVariantWeight"]) == ("ml.c5.xlarge", 1)
    assert first["ModelName"] != second["ModelName"]


def test_a_weight_of_zero_is_zero(stack: Stack, model: Model, other: Model) -> None:
    RealtimeEndpoint(
        stack,
        "Compared",
        variants=[
            Variant(name="champion", model=model),
            Variant(name="parked", model=other, weight=0),
        ],
    )
    assert config(stack)["ProductionVariants"][1]["InitialVariantWeight"] == 0


def test_every_models_role_may_write_what_is_captured_and_use_the_key(
    stack: Stack, model: Model, other: Model, bucket: s3.IBucket
) -> None:
    RealtimeEndpoint(
        stack,
        "Compared",
        variants=[Variant(name="a", model=model), Variant(name="b", model=other)],
        capture=Capture(bucket=bucket, prefix="captured"),
    )
    assert len(allowed(stack, "kms:CreateGrant")) == 2
    assert len(allowed(stack, "s3:PutObject")) == 2
    policies = set(resources(stack, "AWS::IAM::ManagedPolicy"))
    waits = set(only(stack, "AWS::SageMaker::Endpoint")["DependsOn"])
    for made in (model, other):
        policy = stack.get_logical_id(made.role.grants)
        assert policy in waits & policies


def test_a_rollout_watches_the_errors_of_all_variants_first(
    stack: Stack, container: ModelContainer
) -> None:
    served = [Model(stack, f"M{n}", serves=container) for n in range(4)]
    RealtimeEndpoint(
        stack,
        "Compared",
        variants=[Variant(name=f"v{n}", model=one) for n, one in enumerate(served)],
    )
    watched = only(stack, "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"]
    names = [one["AlarmName"]["Ref"] for one in watched["AutoRollbackConfiguration"]["Alarms"]]
    alarms = resources(stack, "AWS::CloudWatch::Alarm")
    measured = [alarms[name]["Properties"]["MetricName"] for name in names]
    assert (
        measured
        == ["Invocation5XXErrors"] * 4 + ["InvocationModelErrors"] * 4 + ["ModelLatency"] * 2
    )
    assert Annotations.from_stack(stack).find_warning(
        "*", Match.string_like_regexp("a rollout watches 10 alarms.*Latency-v2, Latency-v3")
    )


def test_a_challenger_is_left_out_while_there_is_none(
    stack: Stack, model: Model, container: ModelContainer
) -> None:
    given = CfnCondition(stack, "Challenged", expression=Fn.condition_equals("a", "a"))
    rival = Model(stack, "Rival", serves=container, condition=given)
    RealtimeEndpoint(
        stack,
        "Compared",
        variants=[Variant(name="primary", model=model), Variant(name="rival", model=rival)],
    )
    condition, there, gone = config(stack)["ProductionVariants"][1]["Fn::If"]
    assert (condition, there["VariantName"], gone) == (
        "Challenged",
        "rival",
        {"Ref": "AWS::NoValue"},
    )
    assert "Condition" not in only(stack, "AWS::SageMaker::Endpoint")


def test_each_variant_scales_by_itself(stack: Stack, model: Model, other: Model) -> None:
    compared = RealtimeEndpoint(
        stack,
        "Compared",
        name="compared",
        variants=[
            Variant(name="a", model=model, scaling=Scaling(min_capacity=2)),
            Variant(name="b", model=other, scaling=Scaling(min_capacity=2)),
        ],
    )
    assert compared.scaling is not None
    targets = [
        one["Properties"]["Target"]["ResourceId"]
        for one in resources(stack, "Custom::EndpointScaling").values()
    ]
    assert {str(one).rpartition("/")[2] for one in targets} == {"a", "b"}


def test_metrics_are_of_the_first_variant_or_of_the_one_that_is_named(
    stack: Stack, model: Model, other: Model
) -> None:
    compared = RealtimeEndpoint(
        stack,
        "Compared",
        variants=[Variant(name="a", model=model), Variant(name="b", model=other)],
    )
    assert (compared.metric_invocations().dimensions or {})["VariantName"] == "a"
    named = compared.metric("Invocations", variant="b")
    assert (named.dimensions or {})["VariantName"] == "b"


def test_a_shadow_gets_a_share_of_copies_on_machines_like_those_it_shadows(
    stack: Stack, model: Model, other: Model
) -> None:
    RealtimeEndpoint(
        stack,
        "Shadowed",
        model=model,
        capacity=Instances(instance_type="ml.c5.xlarge"),
        shadow=Shadow(model=other, share=0.5),
    )
    (shadow,) = config(stack)["ShadowProductionVariants"]
    assert shadow["InitialVariantWeight"] == 0.5
    assert shadow["InstanceType"] == "ml.c5.xlarge"
    assert config(stack)["ProductionVariants"][0]["InitialVariantWeight"] == 1


def test_a_shadow_is_left_out_while_its_model_is(
    stack: Stack, model: Model, container: ModelContainer
) -> None:
    given = CfnCondition(stack, "Challenged", expression=Fn.condition_equals("a", "a"))
    rival = Model(stack, "Rival", serves=container, condition=given)
    RealtimeEndpoint(stack, "Shadowed", model=model, shadow=Shadow(model=rival))
    condition, there, gone = config(stack)["ShadowProductionVariants"]["Fn::If"]
    assert (condition, len(there), gone) == ("Challenged", 1, {"Ref": "AWS::NoValue"})


def test_requests_with_the_same_prefix_can_go_to_the_same_instance(
    stack: Stack, model: Model
) -> None:
    routing = Routing(strategy="PREFIX_AWARE", prefix_length=4096, concurrency_threshold=8)
    RealtimeEndpoint(stack, "Churn", model=model, capacity=Instances(routing=routing))
    assert config(stack)["ProductionVariants"][0]["RoutingConfig"] == {
        "RoutingStrategy": "PREFIX_AWARE",
        "PrefixAwareRoutingConfig": {"PrefixLength": 4096, "ConcurrencyThreshold": 8},
    }


def test_volume_and_ami_follow_the_type_a_parameter_chooses(stack: Stack, model: Model) -> None:
    chosen = CfnParameter(stack, "InstanceType").value_as_string
    capacity = Instances(
        instance_type=chosen,
        allowed_types=["ml.g4dn.xlarge", "ml.m5.xlarge"],
        volume_gb=100,
        ami_version="al2-ami-sagemaker-inference-gpu-3-1",
    )
    RealtimeEndpoint(stack, "Churn", model=model, capacity=capacity)
    template = Template.from_stack(stack).to_json()
    by_type = {
        key: {one: value["Value"] for one, value in mapping.items()}
        for key, mapping in template["Mappings"].items()
    }
    assert sorted(by_type.values(), key=str) == [
        {"ml.g4dn.xlarge": "al2-ami-sagemaker-inference-gpu-3-1", "ml.m5.xlarge": "none"},
        {"ml.g4dn.xlarge": "none", "ml.m5.xlarge": "100"},
    ]
    variant = config(stack)["ProductionVariants"][0]
    for name in ("VolumeSizeInGB", "InferenceAmiVersion"):
        has, found, gone = variant[name]["Fn::If"]
        mapping, key, value = found["Fn::FindInMap"]
        assert (key, value, gone) == ({"Ref": "InstanceType"}, "Value", {"Ref": "AWS::NoValue"})
        assert template["Conditions"][has] == {
            "Fn::Not": [{"Fn::Equals": [{"Fn::FindInMap": [mapping, key, value]}, "none"]}]
        }


def test_unpacked_artifacts_have_longer_to_arrive(stack: Stack, prefix_model: Any) -> None:
    RealtimeEndpoint(stack, "Large", model=prefix_model())
    variant = config(stack)["ProductionVariants"][0]
    assert variant["ModelDataDownloadTimeoutInSeconds"] == 3600
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 1800


def test_capture_keeps_what_it_is_asked_to(stack: Stack, model: Model, bucket: s3.IBucket) -> None:
    on = CfnCondition(stack, "On", expression=Fn.condition_equals("a", "a"))
    capture = Capture(
        bucket=bucket,
        prefix="captured",
        sampling_percent=20,
        modes=["Input"],
        csv_content_types=(),
        json_content_types=["application/json"],
        enabled=on,
    )
    RealtimeEndpoint(stack, "Churn", model=model, capture=capture)
    said = config(stack)["DataCaptureConfig"]
    assert said["EnableCapture"] == {"Fn::If": ["On", True, False]}
    assert said["CaptureOptions"] == [{"CaptureMode": "Input"}]
    assert said["CaptureContentTypeHeader"] == {"JsonContentTypes": ["application/json"]}
    assert said["InitialSamplingPercentage"] == 20


def test_metrics_can_come_more_often(stack: Stack, model: Model) -> None:
    operations = Operations(metrics=Metrics(every_seconds=10, enhanced=True))
    RealtimeEndpoint(stack, "Churn", model=model, operations=operations)
    assert config(stack)["MetricsConfig"] == {
        "EnableDetailedObservability": False,
        "EnableEnhancedMetrics": True,
        "MetricPublishFrequencyInSeconds": 10,
    }


def test_counts_and_weights_are_set_anew_when_asked(stack: Stack, model: Model) -> None:
    anew = CfnCondition(stack, "Anew", expression=Fn.condition_equals("a", "a"))
    RealtimeEndpoint(stack, "Churn", model=model, rollout=Rollout(apply_configured_counts=anew))
    endpoint = only(stack, "AWS::SageMaker::Endpoint")["Properties"]
    assert endpoint["RetainAllVariantProperties"] == {"Fn::If": ["Anew", False, True]}


def test_a_multi_model_endpoint_loads_archives_under_its_prefix_only(
    stack: Stack, bucket: s3.IBucket, container: ModelContainer
) -> None:
    many = dataclasses.replace(
        container, data=ModelData.from_prefix(bucket, "many/"), multi_model=True
    )
    RealtimeEndpoint(stack, "Many", model=Model(stack, "ManyModels", serves=many))
    [on] = allowed(stack, "s3:GetObject")
    assert on.endswith("the-bucket/many/*")


def test_a_pipeline_reads_the_artifacts_of_each_of_its_containers(
    stack: Stack, bucket: s3.IBucket, container: ModelContainer
) -> None:
    second = dataclasses.replace(container, data=ModelData.from_bucket(bucket, "b/model.tar.gz"))
    model = Model(stack, "Row", serves=[container, second])
    RealtimeEndpoint(stack, "Piped", model=model)
    assert only(stack, "AWS::SageMaker::Model")["Properties"]["InferenceExecutionConfig"] == {
        "Mode": "Serial"
    }
    assert {one.rpartition("the-bucket/")[2] for one in allowed(stack, "s3:GetObject")} == {
        "churn/model.tar.gz",
        "b/model.tar.gz",
    }
