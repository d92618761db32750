"""What is refused of an asynchronous endpoint, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.endpoints import AsyncEndpoint, AsyncResults, Instances, Scaling

Refused = tuple[Callable[[Any], Any], str]

REFUSED: dict[str, Refused] = {
    "results under a bucket": (
        lambda given: {
            "model": given.model(),
            "results": AsyncResults(bucket=given.bucket, prefix="s3://b/c"),
        },
        "results prefix is 's3://b/c', allowed is a key prefix without bucket and leading "
        "slash: write one like 'churn/capture'",
    ),
    "results anywhere": (
        lambda given: {
            "model": given.model(),
            "results": AsyncResults(bucket=given.bucket, prefix=""),
        },
        "results prefix is '', allowed is a key prefix without bucket and leading slash: "
        "write one like 'churn/capture'",
    ),
    "more requests than an instance takes": (
        lambda given: {
            "model": given.model(),
            "results": AsyncResults(
                bucket=given.bucket, prefix="c", max_concurrent_per_instance=1001
            ),
        },
        "results max_concurrent_per_instance is 1001, allowed is 1 to 1000: lower it",
    ),
    "a start without an instance": (
        lambda given: {
            "model": given.model(),
            "results": AsyncResults(bucket=given.bucket, prefix="churn"),
            "capacity": Instances(count=0),
        },
        "count is 0, allowed is 1 to 1000: raise it",
    ),
    "a floor below nothing": (
        lambda given: {
            "model": given.model(),
            "results": AsyncResults(bucket=given.bucket, prefix="churn"),
            "scaling": Scaling(min_capacity=-1),
        },
        "scaling min_capacity (instances) is -1, allowed is 0 to 1000: raise it",
    ),
    "a type the region has not": (
        lambda given: {
            "model": given.model(),
            "results": AsyncResults(bucket=given.bucket, prefix="churn"),
            "capacity": Instances(instance_type="ml.p5.48xlarge", count=1),
        },
        "instance_type is 'ml.p5.48xlarge', which eu-west-1 does not have for hosting; it "
        "is in ap-southeast-2, ca-central-1, eu-west-2, sa-east-1, us-east-1, us-east-2 "
        "and 1 more; near it here are ml.g5.48xlarge, ml.r5.4xlarge, ml.m5.4xlarge: choose "
        "one of these, or say types_known_here=['ml.p5.48xlarge'] if it has come since",
    ),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_what_to_change(
    given: Any, options: Callable[[Any], dict[str, Any]], says: str
) -> None:
    asked = options(given)
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        AsyncEndpoint(given.stack, "Churn", **asked)
    assert str(refused.value) == f"AsyncEndpoint Test/Churn: {says}"
