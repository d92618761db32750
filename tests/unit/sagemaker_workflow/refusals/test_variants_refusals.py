"""What is refused of several models behind an endpoint, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.endpoints import (
    Instances,
    RealtimeEndpoint,
    Rollout,
    Scaling,
    Shadow,
    Variant,
)

Refused = tuple[Callable[[Any], Any], str]

REFUSED: dict[str, Refused] = {
    "nothing to serve": (
        lambda given: {},
        "nothing is served: give model=, or variants=[Variant(...)] for several",
    ),
    "a model and variants": (
        lambda given: {
            "model": given.model(),
            "variants": [Variant(name="a", model=given.model("A"))],
        },
        "model and 1 variants are given, allowed is one of both: make the model one of the "
        "variants",
    ),
    "capacity beside variants": (
        lambda given: {
            "variants": [
                Variant(name="a", model=given.model("A")),
                Variant(name="b", model=given.model("B")),
            ],
            "capacity": Instances(),
        },
        "capacity is given beside variants, each of which has its own: move it into Variant",
    ),
    "scaling beside variants": (
        lambda given: {
            "variants": [
                Variant(name="a", model=given.model("A")),
                Variant(name="b", model=given.model("B")),
            ],
            "scaling": Scaling(),
        },
        "scaling is given beside variants, each of which has its own: move it into Variant",
    ),
    "eleven variants": (
        lambda given: {
            "variants": [Variant(name=f"v{n}", model=given.model(f"M{n}")) for n in range(11)]
        },
        "11 variants are given, allowed is 1 to 10: serve the others from another endpoint",
    ),
    "two variants of one name": (
        lambda given: {
            "variants": [
                Variant(name="a", model=given.model("A")),
                Variant(name="a", model=given.model("B")),
            ]
        },
        "variant name 'a' is given twice, allowed are distinct names: rename one",
    ),
    "a variant name with an underscore": (
        lambda given: {"variants": [Variant(name="model_a", model=given.model("A"))]},
        "variant name is 'model_a' (7 characters), allowed are 1 to 63 letters, digits and "
        "inner hyphens: shorten or rename it",
    ),
    "a negative weight": (
        lambda given: {"variants": [Variant(name="a", model=given.model("A"), weight=-1)]},
        "variant a: weight is -1, allowed is 0 or more: raise it",
    ),
    "no weight above zero": (
        lambda given: {"variants": [Variant(name="a", model=given.model("A"), weight=0)]},
        "every weight is 0, so that no request is answered: raise one above 0",
    ),
    "machines of one of several variants": (
        lambda given: {
            "variants": [
                Variant(name="a", model=given.model("A")),
                Variant(name="b", model=given.model("B"), capacity=Instances(count=0)),
            ]
        },
        "variant b: count is 0, allowed is 1 to 1000: raise it",
    ),
    "scaling of one of several variants": (
        lambda given: {
            "variants": [
                Variant(name="a", model=given.model("A")),
                Variant(name="b", model=given.model("B"), scaling=Scaling(min_capacity=5)),
            ]
        },
        "variant b: scaling min_capacity is 5, allowed is at most max_capacity, 4: lower "
        "it or raise max_capacity",
    ),
    "a rolling update of two variants": (
        lambda given: {
            "variants": [
                Variant(name="a", model=given.model("A")),
                Variant(name="b", model=given.model("B")),
            ],
            "rollout": Rollout(strategy="rolling"),
        },
        "rollout strategy is 'rolling', which the service does not do for 2 variants: use "
        "canary, linear or all_at_once",
    ),
    "a shadow of two variants": (
        lambda given: {
            "variants": [
                Variant(name="a", model=given.model("A")),
                Variant(name="b", model=given.model("B")),
            ],
            "shadow": Shadow(model=given.model("C")),
        },
        "shadow is given beside 2 variants, allowed is one variant: compare several by "
        "weight, or shadow one",
    ),
    "a shadow of no share": (
        lambda given: {"model": given.model(), "shadow": Shadow(model=given.model("C"), share=0)},
        "shadow share is 0, allowed is above 0 and up to 1: write 0.5 for half of the requests",
    ),
    "a shadow of more than all": (
        lambda given: {"model": given.model(), "shadow": Shadow(model=given.model("C"), share=50)},
        "shadow share is 50, allowed is above 0 and up to 1: write 0.5 for half of the requests",
    ),
    "a shadow with the name it shadows": (
        lambda given: {
            "model": given.model(),
            "shadow": Shadow(model=given.model("C"), name="primary"),
        },
        "shadow name is 'primary', as of a variant: rename it",
    ),
    "a shadow of several containers": (
        lambda given: {
            "model": given.model(),
            "shadow": Shadow(model=given.model("C", serves=[given.container, given.container])),
        },
        "shadow has several containers or loads several models, which a shadow test does "
        "not support: serve one container, or leave shadow out",
    ),
    "a shadow of several models": (
        lambda given: {
            "model": given.model(),
            "shadow": Shadow(model=given.model_of("C", data=given.prefix, multi_model=True)),
        },
        "shadow has several containers or loads several models, which a shadow test does "
        "not support: serve one container, or leave shadow out",
    ),
    "a shadow of a pipeline": (
        lambda given: {
            "model": given.model(serves=[given.container, given.container]),
            "shadow": Shadow(model=given.model("C")),
        },
        "variant primary has several containers or loads several models, which a shadow "
        "test does not support: serve one container, or leave shadow out",
    ),
    "the machines of a shadow": (
        lambda given: {
            "model": given.model(),
            "shadow": Shadow(model=given.model("C"), capacity=Instances(count=0)),
        },
        "shadow: count is 0, allowed is 1 to 1000: raise it",
    ),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_what_to_change(
    given: Any, options: Callable[[Any], dict[str, Any]], says: str
) -> None:
    asked = options(given)
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        RealtimeEndpoint(given.stack, "Churn", **asked)
    assert str(refused.value) == f"RealtimeEndpoint Test/Churn: {says}"
