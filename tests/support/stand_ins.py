"""Models, endpoints and alarms around the stand-in server, on a real local AWS."""

import io
import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import sagemaker_on_local_aws as local
from support.local_aws_server import LocalAws

BUCKET = "stand-ins"
_SERVER = Path(__file__).with_name("stand_in_server.py")
_REPOSITORY = "toy-local/stand-in"


class StandIns:
    """One server's stand-ins: an image, a role that may do all they need, a bucket."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.runtime = aws.client("sagemaker-runtime")
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.role = local.role(aws, "stand-in", local.ROLE_POLICY)
        self.image = self._image()

    def _image(self) -> str:
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": "sha256:" + "0" * 64,
                "size": 2,
            },
            "layers": [],
            "annotations": {
                "sagemaker-workflow.container": "inference_server",  # for its interpreter
                "sagemaker-workflow.entrypoint": json.dumps(["python", str(_SERVER)]),
                "sagemaker-workflow.context-hash": "0" * 16,
            },
        }
        ecr = self.aws.client("ecr")
        ecr.create_repository(repositoryName=_REPOSITORY)
        ecr.put_image(
            repositoryName=_REPOSITORY, imageManifest=json.dumps(manifest), imageTag="one"
        )
        return f"{local.REPOSITORY}/{_REPOSITORY}:one"

    def archive(self, key: str, says: str) -> str:
        """An artifact whose model calls itself what is said; its URI."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            info = tarfile.TarInfo("name")
            info.size = len(says.encode())
            tar.addfile(info, io.BytesIO(says.encode()))
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=out.getvalue())
        return f"s3://{BUCKET}/{key}"

    def container(self, **environment: str) -> dict[str, Any]:
        return {"Image": self.image, "Environment": environment}

    def model(self, name: str, *, role: str | None = None, **environment: str) -> str:
        """A model of one container, which answers with the model's name unless told otherwise."""
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=role or self.role,
            PrimaryContainer=self.container(**{"NAME": name, **environment}),
        )
        return name

    def variant(self, model: str, **changes: Any) -> dict[str, Any]:
        return {
            "VariantName": model,
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            **changes,
        }

    def config(self, name: str, *variants: dict[str, Any], **rest: Any) -> str:
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=list(variants), **rest
        )
        return name

    def endpoint(self, name: str, *variants: dict[str, Any], **rest: Any) -> str:
        """An endpoint in service on a configuration called `<name>-1`."""
        self.config(f"{name}-1", *variants, **rest)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-1")
        described = self.settled(name)
        assert described["EndpointStatus"] == "InService", described.get("FailureReason")
        return name

    def update(self, name: str, config: str, **rest: Any) -> dict[str, Any]:
        """DescribeEndpoint after an update that ended, well or not."""
        self.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **rest)
        return self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        return local.wait_for(
            lambda: self.sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus"
        )

    def ask(self, endpoint: str, body: bytes = b"x", **rest: Any) -> str:
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint, Body=body, **{"ContentType": "text/csv", **rest}
        )
        return str(answer["Body"].read().decode(errors="replace"))

    def metric(self, name: str, endpoint: str, variant: str, statistic: str = "Sum") -> float:
        """The statistic of the last hours of a metric the data plane published."""
        now = time.time()
        found = self.aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": variant},
            ],
            StartTime=now - 7200,
            EndTime=now + 60,
            Period=10800,
            Statistics=[statistic],
        )
        return float(sum(point[statistic] for point in found["Datapoints"]))

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Every object under a prefix of the bucket."""
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {
            item["Key"]: self.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            for item in found
        }


def eventually(condition: Callable[[], Any], *, seconds: float = 40) -> Any:
    """What the condition gives once it is true; an assertion when it never is."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.05)
    return value
