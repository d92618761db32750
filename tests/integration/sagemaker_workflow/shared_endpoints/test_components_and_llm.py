"""ComponentEndpoint and LlmModel deployed by the real CDK CLI; IAM is enforced.

Scaling to zero and back follows contracts 3.5, streaming contracts 3.1 and 11.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from support import cdk_cli, pushed_image
from support.inference_components import BUCKET, Host, eventually
from support.local_aws_server import REPOSITORY, LocalAws

pytestmark = pytest.mark.timeout(280)
HERE = Path(__file__).parent
FIRST, SECOND = "shared-first", "shared-second"
STUB = REPOSITORY / "tests" / "support" / "stub_vllm" / "vllm"
VLLM = "shared/vllm"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Both stacks are deployed; a quarter of an hour takes six seconds."""
    folder = tmp_path_factory.mktemp("shared")
    with LocalAws.started(folder / "aws", enforce=True, time_factor=150) as aws:
        host = Host.on(aws)
        for name in ("first", "second"):
            host.artifact(name)
        aws.client("s3").put_object(Bucket=BUCKET, Key="chat/config.json", Body=b"{}")
        pushed_image.push(aws, VLLM, "1", container="vllm", environment={})
        cdk_cli.bootstrap(aws, folder)
        done = cdk_cli.cdk(
            aws,
            folder,
            *("deploy", "--all", "--require-approval", "never", "--output", "cdk.out"),
            *("--app", cdk_cli.app(HERE / "app.py"), "--concurrency", "2"),
            environment={
                "SERVER_IMAGE": host.image,
                "VLLM_IMAGE": f"{host.image.split('/')[0]}/{VLLM}:1",
                "STUB": str(STUB),
            },
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield host


def test_each_component_answers_by_its_name(host: Host) -> None:
    """The one that was deployed first may sleep already: time runs fast here."""
    eventually(lambda: _answer(host, FIRST) == "first", "the first component")
    eventually(lambda: _answer(host, SECOND) == "second", "the second component")


def test_a_token_stream_arrives_part_by_part(host: Host) -> None:
    answer = host.aws.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName="chat",
        ContentType="application/json",
        Body=json.dumps({"prompt": "one two", "stream": True}),
    )
    # Parts do not align with lines: put together, then read.
    text = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"]).decode()
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert [json.loads(line)["choices"][0]["text"] for line in lines[:-1]] == ["one", "two"]
    assert lines[-1] == "[DONE]"


def test_another_machine_brings_its_own_server_options(host: Host) -> None:
    assert _parallel(host) == "1"
    cloudformation = host.aws.client("cloudformation")
    cloudformation.update_stack(
        StackName="chat",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "InstanceType", "ParameterValue": "ml.g5.12xlarge"}],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName="chat", WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    assert _parallel(host) == "4"


def test_idle_components_sleep_and_the_first_request_wakes_one(host: Host) -> None:
    eventually(lambda: host.copies(FIRST) == host.copies(SECOND) == 0, "scaling to zero copies")
    eventually(lambda: host.instances("shared") == 0, "scaling to zero instances")
    with pytest.raises(ClientError, match="no capacity to process this request"):
        host.ask("shared", FIRST)

    eventually(lambda: _answer(host, FIRST) == "first", "waking up")
    assert host.copies(SECOND) == 0


def test_components_go_before_their_endpoint(host: Host) -> None:
    """contracts 3.4: an endpoint deleted first would leave them."""
    host.aws.client("cloudformation").delete_stack(StackName="shared")
    sagemaker = host.aws.client("sagemaker")

    def gone() -> bool:
        left = [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]]
        return "shared" not in left

    eventually(gone, "the deletion")
    assert sagemaker.list_inference_components()["InferenceComponents"] == []


def _answer(host: Host, component: str) -> str | None:
    """What the component says, None while it has no copy."""
    try:
        return host.ask("shared", component)
    except host.aws.client("sagemaker-runtime").exceptions.ValidationError:
        return None


def _parallel(host: Host) -> str:
    """What the model that serves now tells the server of its GPUs."""
    sagemaker = host.aws.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName="chat")["EndpointConfigName"]
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=variants[0]["ModelName"])
    return str(model["PrimaryContainer"]["Environment"]["SM_VLLM_TENSOR_PARALLEL_SIZE"])
