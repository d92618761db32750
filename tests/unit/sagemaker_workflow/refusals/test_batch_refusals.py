"""What is refused of a batch transform, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.batch_transform import BatchTransform, TransformFleet, TransformJob

Refused = tuple[Callable[[Any], Any], str]

REFUSED: dict[str, Refused] = {
    "an input anywhere": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(input=(given.bucket, ""), output=(given.bucket, "out/")),
        },
        "input prefix is '', allowed is a key prefix without bucket and leading slash: "
        "write one like 'batch/input/'",
    ),
    "an output under a bucket": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(input=(given.bucket, "in/"), output=(given.bucket, "s3://b/")),
        },
        "output prefix is 's3://b/', allowed is a key prefix without bucket and leading "
        "slash: write one like 'batch/input/'",
    ),
    "a split that is none": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"), output=(given.bucket, "out/"), split="Comma"
            ),
        },
        "split is 'Comma', allowed is one of Line, RecordIO, TFRecord, None: choose one",
    ),
    "a strategy that is none": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"), output=(given.bucket, "out/"), strategy="All"
            ),
        },
        "strategy is 'All', allowed is one of MultiRecord, SingleRecord: choose one",
    ),
    "an assembly that is none": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"), output=(given.bucket, "out/"), assemble="RecordIO"
            ),
        },
        "assemble is 'RecordIO', allowed is one of Line, None: choose one",
    ),
    "a payload too large": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"), output=(given.bucket, "out/"), max_payload_mb=101
            ),
        },
        "max_payload_mb is 101, allowed is 0 to 100: lower it",
    ),
    "too much at once": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"),
                output=(given.bucket, "out/"),
                max_payload_mb=50,
                max_concurrent=4,
            ),
        },
        "max_payload_mb times max_concurrent is 200, allowed is 100: lower one of them",
    ),
    "a job of half a minute": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"), output=(given.bucket, "out/"), timeout_seconds=30
            ),
        },
        "timeout_seconds is 30, allowed is 60 to 2419200: raise it",
    ),
    "seventeen variables": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"),
                output=(given.bucket, "out/"),
                environment={f"A{n}": "1" for n in range(17)},
            ),
        },
        "environment has 17 entries, allowed is 16: put them into the model's environment",
    ),
    "a filter that is none": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"), output=(given.bucket, "out/"), input_filter="1:"
            ),
        },
        "input_filter is '1:', allowed is a JSONPath of up to 63 characters that starts "
        "with $: write one like '$[1:]'",
    ),
    "a join of two forms": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"),
                output=(given.bucket, "out/"),
                join=True,
                accept="application/json",
            ),
        },
        "join puts predictions beside records, so accept ('application/json') must be "
        "content_type ('text/csv'): leave accept out",
    ),
    "a join of records cut differently": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(
                input=(given.bucket, "in/"),
                output=(given.bucket, "out/"),
                join=True,
                assemble="None",
            ),
        },
        "join needs records and predictions cut alike, split is 'Line' and assemble "
        "'None': set both to 'Line'",
    ),
    "unpacked artifacts": (
        lambda given: {
            "model": given.model_of(data=given.prefix),
            "job": TransformJob(input=(given.bucket, "in/"), output=(given.bucket, "out/")),
        },
        "the model's artifacts are a prefix, which batch transform does not support: pack "
        "them and use ModelData.from_bucket",
    ),
    "several models": (
        lambda given: {
            "model": given.model_of(data=given.prefix, multi_model=True),
            "job": TransformJob(input=(given.bucket, "in/"), output=(given.bucket, "out/")),
        },
        "the model loads several models on demand, which batch transform does not support: "
        "make a model of one archive",
    ),
    "a type that transforms nothing": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(input=(given.bucket, "in/"), output=(given.bucket, "out/")),
            "fleet": TransformFleet(instance_type="ml.m5.huge"),
        },
        "instance_type is 'ml.m5.huge', which SageMaker does not have for transform, near "
        "it are ml.m5.large, ml.m5.xlarge, ml.m5.4xlarge: write one like 'ml.m5.xlarge'",
    ),
    "a type the region has not": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(input=(given.bucket, "in/"), output=(given.bucket, "out/")),
            "fleet": TransformFleet(instance_type="ml.g6e.xlarge"),
        },
        "instance_type is 'ml.g6e.xlarge', which eu-west-1 does not have for transform; it "
        "is in ap-south-1, ap-south-2, us-east-1, us-east-2, us-west-2; near it here are "
        "ml.g5.xlarge, ml.r6i.xlarge, ml.m6i.xlarge: choose one of these, or say "
        "types_known_here=['ml.g6e.xlarge'] if it has come since",
    ),
    "no machine": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(input=(given.bucket, "in/"), output=(given.bucket, "out/")),
            "fleet": TransformFleet(count=0),
        },
        "count is 0, allowed is 1 to 100: raise it",
    ),
    "a name of 41 letters": (
        lambda given: {
            "model": given.model(),
            "job": TransformJob(input=(given.bucket, "in/"), output=(given.bucket, "out/")),
            "name": "c" * 41,
        },
        "name is 'ccccccccccccccccccccccccccccccccccccccccc', allowed are 1 to 40 letters, "
        "digits and inner hyphens: it begins the name of every job; shorten or rename it",
    ),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_what_to_change(
    given: Any, options: Callable[[Any], dict[str, Any]], says: str
) -> None:
    asked = options(given)
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        BatchTransform(given.stack, "Churn", **asked)
    assert str(refused.value) == f"BatchTransform Test/Churn: {says}"
