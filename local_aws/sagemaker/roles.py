"""What SageMaker checks of an execution role before it takes a request.

Trust and the existence of artifact and image are always checked. What the role may do is asked of
the IAM simulation, the way the service's own checks fail before anything is started.
"""

import re
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from local_aws import adapter
from local_aws.sagemaker.errors import ServiceError, invalid

_PRINCIPAL = "sagemaker.amazonaws.com"
_OWN_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def require_assumable(role_arn: str) -> None:
    """Refuse a role that is not there or that SageMaker may not assume."""
    if not adapter.role_trusts(role_arn, _PRINCIPAL):
        raise invalid(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
            f"principal '{_PRINCIPAL}' to assume the role."
        )


def require_model_data(role_arn: str, uri: str) -> None:
    """Refuse a model artifact that is missing or that the role cannot read.

    `uri` may be an object or, when it ends with `/`, a prefix with at least one object.
    """
    bucket, key = split(uri)
    found = _has_prefix(bucket, key) if key.endswith("/") else _has_object(bucket, key)
    resource = f"arn:aws:s3:::{bucket}/{key}" + ("*" if key.endswith("/") else "")
    denied = adapter.denied_actions(role_arn, ["s3:GetObject"], resource) if found else []
    if found and not denied:
        return
    # A role that may read the object but not use its key lacks kms:Decrypt.
    action = denied[0] if denied else "s3:GetObject"
    raise invalid(
        f'Could not access model data at {uri}. Please ensure that the role "{role_arn}" exists '
        'and that its trust relationship policy allows the action "sts:AssumeRole" for the '
        f'service principal "{_PRINCIPAL}". Also ensure that the role has "{action}" '
        f"permissions and that the object is located in {adapter.region()}."
    )


def require_image(role_arn: str, image: str) -> None:
    """Refuse an image of this account that is not in ECR or that the role cannot pull.

    Images of AWS's own accounts are public to every account: the runtime knows them or says so.
    """
    match = _OWN_IMAGE.fullmatch(image)
    if match is None:
        raise invalid(
            f'Using non-ECR image "{image}" without Vpc repository access mode is not supported.'
        )
    if match["account"] != adapter.account():
        return
    if not _has_image(match):
        raise invalid(f"Requested image {image} not found.")
    repository = (
        f"arn:aws:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
    )
    denied = adapter.denied_actions(role_arn, ["ecr:BatchGetImage"], repository)
    if denied:
        raise invalid(
            f'Could not access image {image}. Please ensure that the role "{role_arn}" has '
            f'"{", ".join(denied)}" permissions on {repository}.'
        )


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    parts = urlparse(uri)
    return parts.netloc, parts.path.lstrip("/")


def _has_object(bucket: str, key: str) -> bool:
    try:
        adapter.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def _has_prefix(bucket: str, prefix: str) -> bool:
    try:
        found = adapter.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except ClientError:
        return False
    return bool(found.get("Contents"))


def _has_image(match: re.Match[str]) -> bool:
    wanted = (
        {"imageDigest": match["digest"]}
        if match["digest"]
        else {"imageTag": match["tag"] or "latest"}
    )
    try:
        found = adapter.client("ecr").batch_get_image(
            repositoryName=match["repository"], imageIds=[wanted]
        )
    except ClientError as fault:
        if fault.response["Error"]["Code"] == "RepositoryNotFoundException":
            return False
        raise ServiceError("InternalFailure", str(fault), status=500) from fault
    return bool(found["images"])
