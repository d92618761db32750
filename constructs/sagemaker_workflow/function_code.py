"""The code of this library's own functions, which need nothing but what Lambda's Python brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import IgnoreMode, SymlinkFollowMode
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from constructs import Construct


def function_asset(scope: Construct, package: str) -> assets.Asset:
    """The sources of `package` are uploaded, importable under its name.

    Raises ValueError when they are not there.
    """
    return assets.Asset(scope, "Code", path=str(_folder_of(package)), **_files_of(package))


def function_code(package: str) -> lambda_.Code:
    """The same, for a function that uploads them itself."""
    return lambda_.Code.from_asset(str(_folder_of(package)), **_files_of(package))


def _files_of(package: str) -> dict[str, Any]:
    """The package's sources only; of what it links to outside, which images share, a copy."""
    return {
        "exclude": ["*", f"!{package}", f"{package}/**", f"!{package}/**/*.py"],
        "ignore_mode": IgnoreMode.DOCKER,
        "follow_symlinks": SymlinkFollowMode.EXTERNAL,
    }


def _folder_of(package: str) -> Path:
    """Where functions' sources lie: beside the library in the repository, or inside it."""
    library = Path(__file__).resolve().parent
    for folder in (library.parents[1] / "lambda", library / "functions"):
        if (folder / package / "handler.py").is_file():
            return folder
    raise ValueError(f"the function {package} is missing: install the library again")
