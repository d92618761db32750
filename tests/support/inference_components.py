"""Inference components on a running local AWS: artifacts that name themselves, endpoints, waits."""

import io
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support import sagemaker_on_local_aws as local
from support.local_aws_server import LocalAws

BUCKET = "components"
_SCRIPT = """
import time

def model_fn(model_dir):
    return {name!r}

def transform_fn(model, data, content_type, accept):
    if data == "slow":
        time.sleep(0.2)
    return model, "text/plain"
"""


@dataclass(frozen=True, kw_only=True)
class Host:
    """A server with a role, an image, and short ways to endpoints and components."""

    aws: LocalAws
    role: str
    image: str

    @staticmethod
    def on(aws: LocalAws) -> "Host":
        role = local.role(aws, "components-execution", local.ROLE_POLICY)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        image = local.image(aws, "inference_server", "inference_server")
        return Host(aws=aws, role=role, image=image)

    def artifact(self, name: str, *, script: str = _SCRIPT) -> str:
        """The URI of an archive whose model answers with its name."""
        text = script.format(name=name).encode()
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("code/inference.py")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
        key = f"{name}/model.tar.gz"
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=buffer.getvalue())
        return f"s3://{BUCKET}/{key}"

    def endpoint(self, name: str, *, least: int, most: int, instance: str = "ml.m5.xlarge") -> None:
        """An endpoint in service with managed instances and nothing on them."""
        sagemaker = self.aws.client("sagemaker")
        self.config(name, least=least, most=most, instance=instance)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        made = local.wait_for(
            lambda: sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus"
        )
        assert made["EndpointStatus"] == "InService", made

    def config(self, name: str, *, least: int, most: int, instance: str) -> None:
        bounds = {"Status": "ENABLED", "MinInstanceCount": least, "MaxInstanceCount": most}
        self.aws.client("sagemaker").create_endpoint_config(
            EndpointConfigName=name,
            ExecutionRoleArn=self.role,
            ProductionVariants=[
                {
                    "VariantName": "primary",
                    "InstanceType": instance,
                    "InitialInstanceCount": 1,
                    "ManagedInstanceScaling": bounds,
                    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                }
            ],
        )

    def specification(self, artifact: str, *, memory: int = 2048) -> dict[str, Any]:
        return {
            "Container": {"Image": self.image, "ArtifactUrl": artifact},
            "StartupParameters": {"ContainerStartupHealthCheckTimeoutInSeconds": 60},
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": memory},
        }

    def component(
        self, name: str, endpoint: str, artifact: str, *, copies: int = 1, memory: int = 2048
    ) -> dict[str, Any]:
        """The component as described once it is made or failed."""
        self.aws.client("sagemaker").create_inference_component(
            InferenceComponentName=name,
            EndpointName=endpoint,
            VariantName="primary",
            Specification=self.specification(artifact, memory=memory),
            RuntimeConfig={"CopyCount": copies},
        )
        return self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        return local.wait_for(lambda: self.describe(name), "InferenceComponentStatus")

    def describe(self, name: str) -> dict[str, Any]:
        described: dict[str, Any] = self.aws.client("sagemaker").describe_inference_component(
            InferenceComponentName=name
        )
        return described

    def copies(self, name: str) -> int:
        return int(self.describe(name)["RuntimeConfig"]["CurrentCopyCount"])

    def instances(self, endpoint: str) -> int:
        described = self.aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)
        return int(described["ProductionVariants"][0]["CurrentInstanceCount"])

    def ask(self, endpoint: str, component: str, body: bytes = b"1") -> str:
        answer = self.aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint,
            InferenceComponentName=component,
            ContentType="text/csv",
            Body=body,
        )
        return str(answer["Body"].read().decode())


def eventually(done: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Return once it holds; fails, saying what did not happen."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds:g} s"
        time.sleep(0.1)
