"""What other stacks know of the storage stack: names read from SSM, never exports."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.names import Names


class Stored(Construct):
    """The storage stack's key and buckets are known to this stack.

    An export could not be changed while another stack uses it; a parameter can (design, 13).
    Attributes: key.
    """

    def __init__(self, scope: Stack, names: Names) -> None:
        super().__init__(scope, "Stored")
        self._names = names
        self.key: kms.IKey = kms.Key.from_key_arn(self, "Key", self.read("storage", "key-arn"))

    def bucket(self, name: str) -> s3.IBucket:
        """The bucket `raw`, `processed` or `artifacts`."""
        return s3.Bucket.from_bucket_attributes(
            self,
            name.capitalize(),
            bucket_name=self.read("storage", f"{name}-bucket"),
            encryption_key=self.key,
        )

    def read(self, *path: str) -> str:
        """The value another stack published, resolved at deployment."""
        return ssm.StringParameter.value_for_string_parameter(self, self._names.parameter(*path))


def publish(scope: Construct, names: Names, values: Mapping[tuple[str, ...], str]) -> None:
    """Each value can be read by other stacks and by callers under its path."""
    published = Construct(scope, "Published")
    for path, value in values.items():
        ssm.StringParameter(
            published,
            "/".join(path).replace("/", "-"),
            parameter_name=names.parameter(*path),
            string_value=value,
        )
