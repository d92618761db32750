"""What `[preprocessing]` may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from stacks.settings.preprocessing import Preprocessing

SPARK = {"instance_type": "ml.m5.4xlarge", "instance_count": 2}


def refusal(block: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Preprocessing.model_validate(block)
    return str(caught.value.errors()[0]["msg"])


def test_the_limit_is_what_the_function_reads_in_its_time() -> None:
    plain, packed = Preprocessing(timeout_minutes=5, memory_mb=3538).limits()
    assert packed == plain // 8
    assert Preprocessing(timeout_minutes=10, memory_mb=3538).limits()[0] == 2 * plain


def test_refuses_a_limit_above_what_the_function_reads() -> None:
    assert refusal({"timeout_minutes": 1, "size_limit_mb": 9_000}) == (
        "the function reads at most 816 MB in 1 minutes with 3008 MB of memory: lower the limit,"
        " or raise timeout_minutes or memory_mb"
    )


def test_refuses_spark_without_instances() -> None:
    assert refusal({"spark": {"instance_type": "ml.m5.xlarge"}}) == "Field required"


@pytest.mark.parametrize(
    ("instance_type", "message"),
    [
        ("ml.g5.xlarge", "preprocessing uses no GPU: choose a type like ml.m5.4xlarge"),
        (
            "ml.m99.xlarge",
            "SageMaker has no such type for processing: write one like ml.m5.4xlarge",
        ),
    ],
)
def test_refuses_a_type_that_is_no_help(instance_type: str, message: str) -> None:
    assert refusal({"spark": SPARK | {"instance_type": instance_type}}) == message
