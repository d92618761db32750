"""What is refused of a model, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.model import Model, ModelContainer, ModelNetwork, ModelPackage

Refused = tuple[Callable[[Any], Any], str]

REFUSED: dict[str, Refused] = {
    "no container": (
        lambda given: {"serves": []},
        "serves 0 containers, allowed is 1 to 15: name at least one",
    ),
    "sixteen containers": (
        lambda given: {"serves": [given.container] * 16},
        "serves 16 containers, allowed is 1 to 15: split the pipeline",
    ),
    "a hundred and one variables": (
        lambda given: {
            "serves": ModelContainer(
                image=given.image, environment={f"A{n}": "1" for n in range(101)}
            )
        },
        "environment has 101 entries, allowed is 100: put them into a file among the artifacts",
    ),
    "a variable that is no name": (
        lambda given: {"serves": ModelContainer(image=given.image, environment={"1X": "a"})},
        "environment name '1X' is not one, allowed are letters, digits and _, not starting "
        "with a digit: rename it",
    ),
    "a variable of two kilobytes": (
        lambda given: {
            "serves": ModelContainer(image=given.image, environment={"LONG": "x" * 2048})
        },
        "environment LONG holds 2048 bytes, allowed is 1024: put it into a file among the "
        "artifacts",
    ),
    "variables of more than 32 KB": (
        lambda given: {
            "serves": ModelContainer(
                image=given.image, environment={f"A{n}": "x" * 1000 for n in range(40)}
            )
        },
        "environment holds 40110 bytes in all, allowed is 32768: put the longest values "
        "into a file among the artifacts",
    ),
    "a secret": (
        lambda given: {
            "serves": ModelContainer(image=given.image, environment={"HF_TOKEN": "hf_x"})
        },
        "environment HF_TOKEN looks like a secret, allowed is the name of one: keep it in "
        "Secrets Manager and pass its ARN as HF_TOKEN_ARN",
    ),
    "a hostname with an underscore": (
        lambda given: {"serves": ModelContainer(image=given.image, hostname="a_b")},
        "hostname is 'a_b', allowed are up to 63 letters, digits and inner hyphens: rename it",
    ),
    "two containers of one hostname": (
        lambda given: {
            "serves": [ModelContainer(image=given.image, hostname="a")] * 2,
            "direct_invocation": True,
        },
        "hostnames are ['a', 'a'], allowed are distinct ones: rename one of the same",
    ),
    "direct calls without names": (
        lambda given: {
            "serves": [given.container, ModelContainer(image=given.image, hostname="a")],
            "direct_invocation": True,
        },
        "direct_invocation needs a hostname on every container: name this one",
    ),
    "direct calls of one container": (
        lambda given: {
            "serves": ModelContainer(image=given.image, hostname="a"),
            "direct_invocation": True,
        },
        "direct_invocation needs several containers, this model has one: leave it out",
    ),
    "many models of one archive": (
        lambda given: {
            "serves": ModelContainer(image=given.image, data=given.archive, multi_model=True)
        },
        "multi_model needs a prefix of archives: use ModelData.from_prefix",
    ),
    "many models in a row": (
        lambda given: {
            "serves": [
                given.container,
                ModelContainer(image=given.image, data=given.prefix, multi_model=True),
            ]
        },
        "multi_model containers cannot be part of a row of containers: set "
        "direct_invocation=True or serve them from a model of their own",
    ),
    "a VPC without a group": (
        lambda given: {
            "serves": given.container,
            "network": ModelNetwork(vpc=given.network().vpc, security_groups=[]),
        },
        "network has no security group: name at least one, SageMaker requires it",
    ),
    "a package that is none": (
        lambda given: {
            "serves": ModelPackage(
                arn="flights/3", images=[given.image], artifacts=[(given.bucket, "m/")]
            )
        },
        "package arn is 'flights/3', allowed is "
        "arn:aws:sagemaker:<region>:<account>:model-package/<group>/<version>: copy it "
        "from the registry, or pass a parameter",
    ),
    "a package from nowhere": (
        lambda given: {
            "serves": ModelPackage(
                arn=given.parameter("Package"), images=[], artifacts=[(given.bucket, "m/")]
            )
        },
        "package has no images: say which repositories its containers come from",
    ),
    "a package of no archives": (
        lambda given: {
            "serves": ModelPackage(
                arn=given.parameter("Package"), images=[given.image], artifacts=[]
            )
        },
        "package has no artifacts: say the (bucket, prefix) its archives lie under",
    ),
    "an image of another region": (
        lambda given: {"serves": ModelContainer(image=given.other_regions_image)},
        "image '683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0' is "
        "in us-east-1, allowed is eu-west-1, where the model is: copy it there, or name "
        "that region's",
    ),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_what_to_change(
    given: Any, options: Callable[[Any], dict[str, Any]], says: str
) -> None:
    asked = options(given)
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        Model(given.stack, "Churn", **asked)
    assert str(refused.value) == f"model Test/Churn: {says}"
