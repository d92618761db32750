"""What a test of the local SageMaker needs around it: roles, buckets, images, data."""

import json
import time
from collections.abc import Callable
from typing import Any

from support.local_aws_server import LocalAws

REPOSITORY = "222233334444.dkr.ecr.us-east-1.amazonaws.com"
ROLE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:*", "ecr:*", "logs:*", "cloudwatch:*", "sns:Publish"],
            "Resource": "*",
        }
    ],
}
_SCHEMA = {
    "format": 1,
    "dataset": "toy",
    "version": "0" * 16,
    "problem": "binary",
    "target": {"name": "late", "classes": ["0", "1"]},
    "features": [
        {"name": "distance", "type": "number", "required": False},
        {"name": "hour", "type": "number", "required": False},
    ],
}


def role(
    aws: LocalAws,
    name: str,
    policy: dict[str, Any] | None = None,
    *,
    service: str = "sagemaker.amazonaws.com",
) -> str:
    """A role the service may assume; without a policy it may do nothing."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam = aws.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
    return str(made["Role"]["Arn"])


def image(aws: LocalAws, container: str, module: str, *, context_hash: str = "0" * 16) -> str:
    """The image of a container folder in the local ECR, as `make local` puts it there."""
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
            "sagemaker-workflow.container": container,
            "sagemaker-workflow.entrypoint": json.dumps(["python", "-m", module]),
            "sagemaker-workflow.context-hash": context_hash,
        },
    }
    name = f"toy-local/{container.replace('_', '-')}"
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName=name)
    ecr.put_image(repositoryName=name, imageManifest=json.dumps(manifest), imageTag="one")
    return f"{REPOSITORY}/{name}:one"


def dataset(aws: LocalAws, bucket: str) -> dict[str, str]:
    """Channels of a small dataset whose target follows its first feature."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    rows = "".join(f"{int(i % 101 > 50)},{i % 101 / 7:.4f},{i % 7}\n" for i in range(400))
    for channel in ("train", "validation", "test"):
        s3.put_object(Bucket=bucket, Key=f"toy/v/{channel}/{channel}.csv", Body=rows.encode())
    s3.put_object(Bucket=bucket, Key="toy/v/schema/schema.json", Body=json.dumps(_SCHEMA).encode())
    names = ("train", "validation", "test", "schema")
    return {name: f"s3://{bucket}/toy/v/{name}/" for name in names}


def channels(uris: dict[str, str]) -> list[dict[str, Any]]:
    """Input channels as CreateTrainingJob takes them."""
    return [
        {
            "ChannelName": name,
            "ContentType": "text/csv",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": uri,
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
        }
        for name, uri in uris.items()
    ]


def wait_for(
    describe: Callable[[], dict[str, Any]], member: str, *, seconds: float = 90
) -> dict[str, Any]:
    """The description once its status is no longer one that ends in -ing or InProgress."""
    deadline = time.monotonic() + seconds
    while True:
        described = describe()
        status = described[member]
        if not (status.endswith("ing") or status in ("InProgress", "RollingBack")):
            return described
        assert time.monotonic() < deadline, f"still {status} after {seconds} s"
        time.sleep(0.1)
