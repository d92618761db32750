"""The library as it is installed: two packages have a file of one name, and only one works."""

from __future__ import annotations

from importlib import metadata


def test_the_files_of_aws_cdk_lib_are_its_own() -> None:
    name = "aws_cdk/cloud_assembly_schema/__init__.py"
    [file] = [one for one in metadata.files("aws-cdk-lib") or [] if str(one) == name]

    assert '"aws-cdk-lib.cloud_assembly_schema.MetadataEntry"' in file.read_text()
