"""The local AWS with stand-ins behind its door, for tests of the platform itself.

Run by `LocalAws.started(launcher=...)`. In SageMaker's place is one small enough to see through:
its endpoints are what tests put there, its training jobs end as their hyperparameters say.
"""

import json
import sys
import time
import types
from typing import Any

from local_aws import adapter
from local_aws.__main__ import main
from local_aws.adapter import Request, Response, StateTaskError, StopFlag

_endpoints: dict[str, dict[str, Any]] = {}
_things: dict[str, dict[str, Any]] = {}
_log: list[str] = []


def _register() -> None:
    adapter.register_service(
        "sagemaker", _answer, json_target_prefix="SageMaker", path_prefixes=("/endpoints/",)
    )
    adapter.register_cloudformation_type(
        "AWS::SageMaker::Model", create=_create, update=_update, delete=_delete
    )
    adapter.register_state_task("sagemaker:createTrainingJob", _train)
    adapter.register_state_task("sagemaker:createEndpoint", lambda _r, _p, _s: {"made": "endpoint"})
    adapter.register_state_task(
        "sagemaker:createEndpointConfig", lambda _r, _p, _s: {"made": "config"}
    )
    adapter.on_shutdown(lambda: _say("hook ran"))


def _say(text: str) -> None:
    _log.append(text)
    sys.stderr.write(f"probe: {text}\n")  # at once, for tests that read the server's log
    sys.stderr.flush()


def _answer(request: Request) -> Response:
    if request.path.endswith("/invocations-response-stream"):
        return Response(
            headers={"Content-Type": "application/vnd.amazon.eventstream"},
            body=iter([b"one", b"two"]),
        )
    if request.path.endswith("/invocations"):
        name = request.path.split("/")[2]
        adapter.put_metric(
            "AWS/SageMaker",
            "InvocationsPerInstance",
            1 / _endpoints.get(name, {"count": 1})["count"],
            unit="Count",
            dimensions={"EndpointName": name, "VariantName": "primary"},
        )
        return Response(headers={"Content-Type": "application/json"}, body=request.body)
    given = json.loads(request.body or b"{}")
    if request.action == "ListEndpoints":  # what the probe saw, for tests to read
        return _json({"Endpoints": [], "Log": _log, "Caller": request.caller})
    if request.action == "CreateEndpoint":
        _endpoints[given["EndpointName"]] = {"count": 1, **given}
        if given["EndpointName"] == "metric":
            for value in (1.0, 9.0):
                adapter.put_metric(
                    "AWS/SageMaker",
                    "Invocations",
                    value,
                    unit="Count",
                    dimensions={"EndpointName": "metric", "VariantName": "primary"},
                )
            adapter.put_event(
                "SageMaker Endpoint State Change", {"EndpointName": "metric"}, resources=["arn:x"]
            )
        return _json({"EndpointArn": f"arn:{given['EndpointName']}"})
    if request.action == "CreateModel":
        return _json({"ModelArn": "arn:model"})
    if request.action == "UpdateEndpointWeightsAndCapacities":
        change = given["DesiredWeightsAndCapacities"][0]
        _endpoints[given["EndpointName"]]["count"] = change["DesiredInstanceCount"]
        return _json({"EndpointArn": "arn"})
    endpoint = _endpoints.get(given.get("EndpointName") or given.get("EndpointConfigName", ""))
    if endpoint is None:
        return _json({"__type": "ValidationException", "message": "Could not find it."}, 400)
    name = endpoint["EndpointName"]
    if request.action == "DescribeEndpoint":
        summary = {
            "VariantName": "primary",
            "CurrentInstanceCount": endpoint["count"],
            "DesiredInstanceCount": endpoint["count"],
        }
        return _json(
            {
                "EndpointName": name,
                "EndpointArn": f"arn:aws:sagemaker:us-east-1:{adapter.account()}:endpoint/{name}",
                "EndpointConfigName": name,
                "EndpointStatus": "InService",
                "CreationTime": 0,
                "LastModifiedTime": 0,
                "ProductionVariants": [summary],
            }
        )
    return _json({"EndpointConfigName": name, "ProductionVariants": [_declared(name)]})


def _declared(name: str) -> dict[str, Any]:
    """A variant of the kind the endpoint's name says."""
    variant: dict[str, Any] = {"VariantName": "primary", "ModelName": "m"}
    if name.startswith("serverless"):
        return {**variant, "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
    kind = "ml.t2.medium" if name.startswith("burst") else "ml.m5.xlarge"
    return {**variant, "InstanceType": kind, "InitialInstanceCount": 1}


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(
        status=status,
        headers={"Content-Type": "application/x-amz-json-1.1"},
        body=json.dumps(body).encode(),
    )


def _create(
    properties: dict[str, Any], *, stack_name: str, logical_id: str
) -> tuple[str, dict[str, Any]]:
    name = str(properties["ModelName"])
    time.sleep(float(properties.get("Seconds", 0)))
    if properties.get("Fail"):
        raise RuntimeError(f"{name} was told to fail")
    _things[name] = properties
    _say(f"create {name} of {stack_name}/{logical_id}")
    return name, {"ModelName": name}


def _update(
    physical_id: str,
    new: dict[str, Any],
    old: dict[str, Any],
    *,
    stack_name: str,
    logical_id: str,
) -> tuple[str, dict[str, Any]]:
    if new["ModelName"] != physical_id:
        return _create(new, stack_name=stack_name, logical_id=logical_id)
    _say(f"update {physical_id}")
    return physical_id, {"ModelName": physical_id}


def _delete(
    physical_id: str, properties: dict[str, Any], *, stack_name: str, logical_id: str
) -> None:
    _things.pop(physical_id, None)
    _say(f"delete {physical_id} of {stack_name}/{logical_id}")


def _train(resource: str, parameters: dict[str, Any], stop: StopFlag) -> dict[str, Any]:
    end = parameters.get("HyperParameters", {}).get("end", "well")
    _say(f"train {resource.rpartition(':')[2]} {end}")
    if end == "busy":
        raise StateTaskError("SageMaker.ResourceLimitExceededException", "no such quota")
    if end == "bug":
        raise KeyError("a fault of ours")
    if end == "never":
        stop.wait(60)
        _say("train gave up" if stop.is_set() else "train slept on")
    if end == "stopped":
        stop.wait(60)
        _say("train was stopped")
        raise StateTaskError("States.Timeout", "the job was stopped")
    return {"TrainingJobStatus": "Completed", "TrainingJobName": parameters["TrainingJobName"]}


_module = types.ModuleType("local_aws.sagemaker")
_module.register = _register  # type: ignore[attr-defined]
sys.modules["local_aws.sagemaker"] = _module

sys.exit(main())
