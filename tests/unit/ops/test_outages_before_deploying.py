"""A deployment that would end what callers use does not begin without being told to."""

from __future__ import annotations

from typing import Any

import pytest

from ops import cloudformation, outages
from ops.errors import OpsError


def template(name: str = "flights", *, serverless: bool = False) -> dict[str, Any]:
    hosted = {"ServerlessConfig": {}} if serverless else {"InstanceType": "ml.m5.large"}
    return {
        "Resources": {
            "Config": {"Properties": {"ProductionVariants": [hosted]}},
            "Endpoint": {
                "Type": outages.ENDPOINT,
                "Properties": {
                    "EndpointName": name,
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                },
            },
        }
    }


def found(deployed: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [o.why for o in outages.outages("stack", deployed, wanted, {"Endpoint"})]


def test_the_same_name_on_new_machines_is_no_outage() -> None:
    assert found(template(), template()) == []
    assert found(template(serverless=True), template()) == []


def test_a_rename_ends_the_old_name() -> None:
    assert found(template(), template("flights2")) == [
        "would be deleted once flights2 is there, as an endpoint cannot be renamed"
    ]


def test_an_endpoint_that_is_no_longer_wanted_would_be_deleted() -> None:
    assert found(template(), {"Resources": {}}) == ["would be deleted"]


def test_instances_cannot_become_serverless() -> None:
    why = "runs on instances and cannot become serverless"
    assert found(template(), template(serverless=True)) == [why]


def test_an_endpoint_that_does_not_exist_yet_is_nobodys_loss() -> None:
    assert list(outages.outages("stack", template(), template("other"), set())) == []


def inactive(default: str = "false") -> dict[str, Any]:
    return {**template(), "Parameters": {"Active": {"Default": default}}}


def test_a_config_that_says_inactive_ends_a_live_endpoint() -> None:
    assert found(template(), inactive()) == ["would be deleted, as active = false in config"]
    assert found(template(), inactive("true")) == []


def test_an_override_counts_for_more_than_the_config() -> None:
    def said(wanted: dict[str, Any], active: str) -> list[str]:
        live = {"Endpoint"}
        return [o.why for o in outages.outages("s", template(), wanted, live, active)]

    why = "would be deleted, as Active is overridden with false"
    assert said(inactive("true"), "false") == [why]
    assert said(inactive(), "true") == []


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def get_template(self, **_: str) -> dict[str, Any]:
            return {"TemplateBody": template()}

    monkeypatch.setattr(cloudformation, "status", lambda _: "CREATE_COMPLETE")
    monkeypatch.setattr(cloudformation, "resources", lambda *_: {"Endpoint"})
    monkeypatch.setattr(outages.aws, "client", lambda _: Client())


@pytest.mark.usefixtures("deployed")
def test_a_deployment_says_what_would_end_and_how_to_mean_it() -> None:
    with pytest.raises(OpsError) as told:
        outages.refuse({"prod": template("other")}, meant=[])
    assert told.value.message == (
        "this deployment would end what callers use: prod: flights would be deleted once other is"
        " there, as an endpoint cannot be renamed"
    )
    assert told.value.fix == "let them go with --replace flights"
    outages.refuse({"prod": template("other")}, meant=["flights"])


@pytest.mark.usefixtures("deployed")
def test_an_override_that_ends_an_endpoint_is_to_be_meant_too() -> None:
    overrides = ["prod:Active=false", "prod:MaxCapacity=3"]
    with pytest.raises(OpsError, match="prod: flights would be deleted, as Active is") as told:
        outages.refuse({"prod": inactive("true")}, meant=[], overrides=overrides)
    assert told.value.fix == "let them go with --replace flights"
    outages.refuse({"prod": inactive("true")}, meant=["flights"], overrides=overrides)
    outages.refuse({"prod": inactive("true")}, meant=[], overrides=["other:Active=false"])


@pytest.mark.usefixtures("deployed")
def test_what_the_service_cannot_do_is_refused_even_when_meant() -> None:
    with pytest.raises(OpsError, match="cannot become serverless") as told:
        outages.refuse({"prod": template(serverless=True)}, meant=["flights"])
    assert told.value.fix is not None
    assert "another name" in told.value.fix
