"""What KMS asks of whoever reads or writes what a customer's key encrypts.

ministack encrypts nothing and so asks nobody. S3 User Guide, "Using server-side encryption with
AWS KMS keys"; SNS and SQS Developer Guides, "Key management".
"""

from collections.abc import Mapping
from typing import Any

from local_aws.adapter import process

_READS = ("s3:GetObject", "s3:GetObjectVersion")
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_CALLS = {
    **dict.fromkeys(_READS, ("kms:Decrypt",)),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
}


def key_needs(action: str, resource: str) -> list[tuple[str, str]]:
    """The KMS actions, each with a key's ARN, that go with the action on the resource.

    None for data under no customer key. Call it within the account's request scope.
    """
    if action not in _CALLS:
        return []
    key = _key(action, resource)
    # Every principal of an account may use its AWS managed keys through the service they are of.
    if not key or key.startswith("alias/aws/"):
        return []
    return [(call, _arn(key)) for call in _CALLS[action]]


def _key(action: str, resource: str) -> str:
    if action.startswith("s3:"):
        bucket, _, key = resource.rpartition(":")[2].partition("/")
        return _of_object(bucket, key) if action in _READS else _of_bucket(bucket)
    return _of_topic(resource) if action == "sns:Publish" else _of_queue(resource)


def _of_object(bucket: str, key: str) -> str:
    from ministack.services import s3

    found = (s3._buckets.get(bucket) or {}).get("objects", {}).get(key)
    return str(s3._stored_sse_headers(found).get(_KEY_HEADER, "")) if found else ""


def _of_bucket(bucket: str) -> str:
    from ministack.services import s3

    return str(s3._bucket_default_sse_headers(bucket).get(_KEY_HEADER, ""))


def _of_topic(arn: str) -> str:
    from ministack.services import sns

    return _attribute(sns._topics.get(arn))


def _of_queue(arn: str) -> str:
    from ministack.services import sqs

    return _attribute(sqs._queue_by_arn(arn))


def _attribute(found: Mapping[str, Any] | None) -> str:
    return str(((found or {}).get("attributes") or {}).get("KmsMasterKeyId") or "")


def _arn(key: str) -> str:
    if key.startswith("arn:"):
        return key
    kind = "" if key.startswith("alias/") else "key/"
    return f"arn:aws:kms:{process.region()}:{process.account()}:{kind}{key}"
