"""What KMS asks of whoever reads or writes what a customer's key encrypts.

ministack encrypts nothing, so it asks nobody, and its CloudFormation forgets the keys of buckets
and topics. S3 User Guide, "Using server-side encryption with AWS KMS keys"; SNS and SQS Developer
Guides, "Key management".
"""

from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from local_aws.adapter import process

_READS = ("s3:GetObject", "s3:GetObjectVersion")
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_CALLS = {
    **dict.fromkeys(_READS, ("kms:Decrypt",)),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
}


def install() -> None:
    """Buckets and topics of stacks have the keys their templates name."""
    from ministack.services.cloudformation import provisioners

    for kind, encrypt in (("S3::Bucket", _encrypt_bucket), ("SNS::Topic", _encrypt_topic)):
        handlers = provisioners._RESOURCE_HANDLERS[f"AWS::{kind}"]
        handlers["create"] = _after_create(handlers["create"], encrypt)
        handlers["update"] = _after_update(handlers["update"], encrypt)


def further_needs(action: str, resource: str) -> list[tuple[str, str]]:
    """What is asked besides the action on the resource: further actions, each with an ARN.

    Of KMS, where a customer's key encrypts the data; of S3, s3:ListBucket to hear that an object
    is not there. Call it within the account's request scope.
    """
    if action not in _CALLS:
        return []
    if action in _READS and not _exists(resource):
        return [("s3:ListBucket", resource.partition("/")[0])]
    key = _key(action, resource)
    # Every principal of an account may use its AWS managed keys through the service they are of.
    if not key or key.startswith("alias/aws/"):
        return []
    return [(call, _arn(key)) for call in _CALLS[action]]


def _after_create(create: Callable[..., Any], encrypt: Callable[..., None]) -> Callable[..., Any]:
    def create_encrypted(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        made = create(logical_id, props, stack_name)
        encrypt(made[0], props)
        return made

    return create_encrypted


def _after_update(update: Callable[..., Any], encrypt: Callable[..., None]) -> Callable[..., Any]:
    def update_encrypted(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
    ) -> Any:
        made = update(physical_id, old, new, *rest)
        encrypt(made[0], new)
        return made

    return update_encrypted


def _encrypt_bucket(name: str, properties: Mapping[str, Any]) -> None:
    from ministack.services import s3

    rules = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration")
    for rule in rules or []:
        default = rule.get("ServerSideEncryptionByDefault") or {}
        if default.get("KMSMasterKeyID"):
            s3._put_bucket_encryption(
                name,
                "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
                f"<SSEAlgorithm>{escape(default['SSEAlgorithm'])}</SSEAlgorithm>"
                f"<KMSMasterKeyID>{escape(default['KMSMasterKeyID'])}</KMSMasterKeyID>"
                "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>"
                f"{str(rule.get('BucketKeyEnabled', False)).lower()}"
                "</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>".encode(),
            )


def _encrypt_topic(arn: str, properties: Mapping[str, Any]) -> None:
    from ministack.services import sns

    if properties.get("KmsMasterKeyId"):
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = str(properties["KmsMasterKeyId"])


def _exists(resource: str) -> bool:
    from ministack.services import s3

    bucket, _, key = resource.rpartition(":")[2].partition("/")
    found = s3._buckets.get(bucket)
    # A pattern, or a bucket that is not there: no object to be missed.
    return found is None or "*" in key or key in found["objects"]


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
