"""Components updated all at once and in batches, rolled back, and moved with their endpoint."""

import threading
from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.sagemaker.inference_components import rolling

NEW = "s3://artifacts/new/model.tar.gz"


@pytest.fixture
def rolled(aws: Aws, hosting: Any) -> Any:
    """Four copies of the model, on instances with room for two more."""
    aws.services.objects.add(NEW)
    hosting.endpoint(hosting.managed(1, 2))
    hosting.component(
        Specification=hosting.specification(memory=4096), RuntimeConfig={"CopyCount": 4}
    )
    return hosting


def _new(aws: Aws, hosting: Any, **changes: Any) -> dict[str, Any]:
    container = {"Image": aws.image, "ArtifactUrl": NEW}
    specification: dict[str, Any] = hosting.specification(
        ModelName=None, Container=container, **changes
    )
    return specification


def _policy(size: int, kind: str = "COPY_COUNT", **rest: Any) -> dict[str, Any]:
    batch = {"Type": kind, "Value": size}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": 60} | rest}


def _running(aws: Aws) -> list[str]:
    urls = [str(v.spec.container.model_data_url) for v in aws.containers.running]
    return sorted(url.split("/")[3] for url in urls)


def _update(aws: Aws, hosting: Any, **request: Any) -> dict[str, Any]:
    aws.call("UpdateInferenceComponent", InferenceComponentName="churn", **request)
    described: dict[str, Any] = hosting.settled()
    return described


def test_an_update_replaces_every_copy(aws: Aws, rolled: Any) -> None:
    described = _update(aws, rolled, Specification=_new(aws, rolled))
    assert described["InferenceComponentStatus"] == "InService"
    assert described["Specification"]["Container"]["ArtifactUrl"] == NEW
    assert _running(aws) == ["new"] * 4
    assert rolled.instances() == 2


def test_a_rolling_update_never_has_fewer_copies_than_before(aws: Aws, rolled: Any) -> None:
    """API, InferenceComponentRollingUpdatePolicy: batch by batch, new capacity first."""
    seen: list[list[str]] = []
    start = type(aws.containers.running[0]).start

    def spy(self: Any, stop: threading.Event) -> None:
        seen.append(_running(aws))
        start(self, stop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(aws.containers.running[0]), "start", spy)
        described = _update(
            aws, rolled, Specification=_new(aws, rolled), DeploymentConfig=_policy(1)
        )
    old = "job"
    assert seen == [
        [old] * 4,
        [old] * 3 + ["new"],
        [old] * 2 + ["new"] * 2,
        [old] + ["new"] * 3,
    ]
    assert _running(aws) == ["new"] * 4
    assert described["LastDeploymentConfig"] == _policy(1)


def test_a_container_that_never_answers_leaves_the_old_copies(aws: Aws, rolled: Any) -> None:
    aws.containers.broken.add(NEW)
    described = _update(aws, rolled, Specification=_new(aws, rolled), DeploymentConfig=_policy(2))
    assert described["InferenceComponentStatus"] == "InService"
    assert "ping health check" in described["FailureReason"]
    assert described["Specification"]["ModelName"] == "model"
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 4, "CurrentCopyCount": 4}
    assert _running(aws) == ["job"] * 4
    again = _update(aws, rolled, RuntimeConfig={"CopyCount": 1})
    assert "FailureReason" not in again
    assert again["RuntimeConfig"]["CurrentCopyCount"] == 1


def test_a_firing_alarm_brings_the_old_copies_back(aws: Aws, rolled: Any) -> None:
    """contracts 3.4: auto rollback alarms, watched while each batch bakes."""
    aws.services.alarms["errors"] = "ALARM"
    watched = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    described = _update(
        aws, rolled, Specification=_new(aws, rolled), DeploymentConfig=_policy(2) | watched
    )
    assert described["FailureReason"] == (
        "One or more alarms went off during the deployment: errors. The inference component was "
        "rolled back to its previous configuration."
    )
    assert _running(aws) == ["job"] * 4
    aws.services.alarms["errors"] = "OK"
    described = _update(
        aws, rolled, Specification=_new(aws, rolled), DeploymentConfig=_policy(2) | watched
    )
    assert "FailureReason" not in described
    assert _running(aws) == ["new"] * 4


def test_a_rolling_update_without_room_for_a_batch_comes_back(aws: Aws, hosting: Any) -> None:
    aws.services.objects.add(NEW)
    hosting.endpoint()
    hosting.component(
        Specification=hosting.specification(memory=8192), RuntimeConfig={"CopyCount": 2}
    )
    described = _update(
        aws, hosting, Specification=_new(aws, hosting, memory=8192), DeploymentConfig=_policy(1)
    )
    assert "not enough hardware resources" in described["FailureReason"]
    assert _running(aws) == ["job"] * 2


def test_a_batch_that_half_fits_leaves_no_new_copy(aws: Aws, hosting: Any) -> None:
    aws.services.objects.add(NEW)
    hosting.endpoint()
    hosting.component(
        Specification=hosting.specification(memory=3072, cores=0.5),
        RuntimeConfig={"CopyCount": 4},
    )
    new = _new(aws, hosting, memory=3072, cores=0.5)
    described = _update(aws, hosting, Specification=new, DeploymentConfig=_policy(2))
    assert "not enough hardware resources" in described["FailureReason"]
    assert _running(aws) == ["job"] * 4


def test_an_update_at_zero_copies_takes_the_new_specification(aws: Aws, rolled: Any) -> None:
    rolled.scale(0)
    described = _update(aws, rolled, Specification=_new(aws, rolled), DeploymentConfig=_policy(1))
    assert described["Specification"]["Container"]["ArtifactUrl"] == NEW
    rolled.scale(1)
    assert _running(aws) == ["new"]


@pytest.mark.parametrize(
    ("policy", "share"),
    [(_policy(3), "75%"), (_policy(51, "CAPACITY_PERCENT"), "51%"), (_policy(8), "200%")],
)
def test_refuses_batches_of_more_than_half(
    aws: Aws, rolled: Any, policy: dict[str, Any], share: str
) -> None:
    """API, InferenceComponentRollingUpdatePolicy: 5% to 50% of the copy count."""
    error = aws.refusal(
        "UpdateInferenceComponent",
        InferenceComponentName="churn",
        Specification=_new(aws, rolled),
        DeploymentConfig=policy,
    )
    assert error.message == (
        "MaximumBatchSize must be 5 to 50 percent of the 4 copies of the inference component, got "
        f"{share}"
    )
    assert rolled.describe()["InferenceComponentStatus"] == "InService"


@pytest.mark.parametrize(
    ("kind", "value", "copies", "batch"),
    [
        ("COPY_COUNT", 2, 4, 2),
        ("CAPACITY_PERCENT", 50, 5, 2),
        ("CAPACITY_PERCENT", 5, 4, 1),
        ("CAPACITY_PERCENT", 50, 1, 1),
    ],
)
def test_a_batch_is_at_least_one_copy(kind: str, value: int, copies: int, batch: int) -> None:
    assert rolling.batch({"Type": kind, "Value": value}, copies) == batch
    assert rolling.batch(None, copies) == copies


def test_copies_move_to_the_instances_of_another_configuration(aws: Aws, rolled: Any) -> None:
    """Not documented by the service: nothing is refused, copies are there throughout."""
    larger = rolled.managed(1, 1) | {"InstanceType": "ml.m5.2xlarge"}
    aws.config("larger", larger, ExecutionRoleArn=aws.role)
    aws.call("UpdateEndpoint", EndpointName="shared", EndpointConfigName="larger")
    assert aws.settled("shared")["EndpointConfigName"] == "larger"
    described = rolled.settled()
    assert described["InferenceComponentStatus"] == "InService"
    assert described["RuntimeConfig"]["CurrentCopyCount"] == 4
    assert {v.spec.instance_type for v in aws.containers.running} == {"ml.m5.2xlarge"}


def test_an_update_whose_instances_do_not_hold_the_copies_is_rolled_back(
    aws: Aws, rolled: Any
) -> None:
    smaller = rolled.managed(1, 1) | {"InstanceType": "ml.m5.large"}
    aws.config("smaller", smaller, ExecutionRoleArn=aws.role)
    aws.call("UpdateEndpoint", EndpointName="shared", EndpointConfigName="smaller")
    endpoint = aws.settled("shared")
    assert endpoint["EndpointConfigName"] == "shared-1"
    assert "not enough hardware resources" in endpoint["FailureReason"]
    described = rolled.settled()
    assert described["RuntimeConfig"]["CurrentCopyCount"] == 4
    assert {v.spec.instance_type for v in aws.containers.running} == {"ml.m5.xlarge"}
    assert rolled.invoke()[0] == 200
