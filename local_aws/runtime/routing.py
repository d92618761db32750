"""Which instance of a variant takes the next request (contracts 3.3, RoutingConfig)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from local_aws.runtime.instance import Instance
from local_aws.runtime.model_cache import TARGET

LEAST_OUTSTANDING = "LEAST_OUTSTANDING_REQUESTS"
RANDOM = "RANDOM"


class Router:
    """Chooses by the strategy; in turn where none is configured.

    An instance that has the target model of a multi-model endpoint goes before those that would
    have to load it.
    """

    def __init__(self, strategy: str | None) -> None:
        self._strategy = strategy
        self._turn = itertools.count()

    def chooser(self, headers: Mapping[str, str]) -> Callable[[Sequence[Instance]], Instance]:
        """Return what chooses an instance for a request with these headers."""
        return partial(self._choose, headers.get(TARGET))

    def _choose(self, target: str | None, instances: Sequence[Instance]) -> Instance:
        if target is not None:
            instances = [one for one in instances if one.holds(target)] or instances
        turn = next(self._turn)
        if self._strategy == RANDOM:
            return random.choice(instances)  # noqa: S311  spreads load, keeps no secret
        if self._strategy == LEAST_OUTSTANDING:
            first = turn % len(instances)  # the idle ones share what comes
            return min([*instances[first:], *instances[:first]], key=lambda one: one.outstanding)
        return instances[turn % len(instances)]
