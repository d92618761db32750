"""Where a model's artifacts lie, and who may read them.

An inference script of your own (the *custom model* path: S3 artifacts + script on an inference
image) travels with the artifacts, as `code/inference.py` inside the archive or under the prefix,
and appears as `/opt/ml/model/code/inference.py`. It is not fetched from S3 by the container: a
hosting container has no network (contracts 2.1 gives the layout, 2.5 the two variables).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_cdk import aws_s3 as s3

from sagemaker_workflow.faults import Faults, known

if TYPE_CHECKING:
    from sagemaker_workflow.roles import ExecutionRole

CODE_FOLDER = "/opt/ml/model/code"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelData:
    """Artifacts in a bucket: one `.tar.gz` (`from_bucket`) or plain objects (`from_prefix`)."""

    bucket: s3.IBucket
    key: str
    compressed: bool
    environment: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def from_bucket(bucket: s3.IBucket, key: str, *, script: str | None = None) -> ModelData:
        """One archive, unpacked to /opt/ml/model. `script` names the file in its `code/` folder.

        Raises ValueError for a key that is not a `.tar.gz`: the service takes no other as
        ModelDataUrl (an `aws_s3_assets.Asset` made from Python uploads `<hash>.gz`).
        """
        faults = _key_faults(key, script)
        if known(key) and not key.endswith(".tar.gz"):
            faults.add(
                f"key is {key!r}, allowed is a key that ends in .tar.gz: pack the artifacts, or "
                "use ModelData.from_prefix for unpacked ones"
            )
        faults.raise_any()
        return ModelData(bucket=bucket, key=key, compressed=True, environment=_script(script))

    @staticmethod
    def from_prefix(bucket: s3.IBucket, prefix: str, *, script: str | None = None) -> ModelData:
        """Every object under the prefix, mounted at /opt/ml/model. Ends in a slash.

        Neither serverless endpoints nor batch transform take this form (contracts 2.1).
        """
        faults = _key_faults(prefix, script)
        if known(prefix) and not prefix.endswith("/"):
            faults.add(
                f"prefix is {prefix!r}, allowed is a prefix that ends in a slash: write "
                f"{prefix + '/'!r}, or it would also match its longer neighbours"
            )
        faults.raise_any()
        return ModelData(bucket=bucket, key=prefix, compressed=False, environment=_script(script))

    @property
    def uri(self) -> str:
        return self.bucket.s3_url_for_object(self.key)

    def grant_read(self, role: ExecutionRole) -> None:
        """The role can read these artifacts, and decrypt them when the bucket has a key."""
        if self.compressed:
            role.grant_read_object(self.bucket, self.key)
        else:
            role.grant_read(self.bucket, self.key)


def _script(script: str | None) -> dict[str, str]:
    if script is None:
        return {}
    return {"SAGEMAKER_PROGRAM": script, "SAGEMAKER_SUBMIT_DIRECTORY": CODE_FOLDER}


def _key_faults(key: str, script: str | None) -> Faults:
    faults = Faults(of="model data")
    if known(key) and (not key or key.startswith(("/", "s3:"))):
        faults.add(
            f"key is {key!r}, allowed is an object key without bucket and leading slash, for "
            "example 'churn/7/model.tar.gz'"
        )
    if script is not None and (not script.endswith(".py") or "/" in script):
        faults.add(
            f"script is {script!r}, allowed is the name of a .py file in the artifacts' code/ "
            "folder: write 'inference.py'"
        )
    return faults
