"""The statements of a role's policy, each said once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Condition = Mapping[str, Mapping[str, list[str]]]


class Statements:
    """What was granted so far, by what it is granted on; and which wildcards are right."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, Any]] = {}
        self._wild: list[tuple[Sequence[str], str]] = []

    def add(
        self, actions: Sequence[str], *, on: Sequence[str], why: str, only_if: Condition | None
    ) -> bool:
        """The actions are granted; whether that is anything new."""
        about = {"on": list(on), "only_if": only_if}
        said = self._said.setdefault(json.dumps(about), {"actions": set(), **about})
        if said["actions"].issuperset(actions):
            return False
        said["actions"].update(actions)
        if why:
            self._wild.append((on, why))
        return True

    def document(self) -> dict[str, Any]:
        """The policy's document."""
        statements = [_statement(**one) for one in self._said.values()]
        return {"Version": "2012-10-17", "Statement": statements}

    def take_wild(self) -> list[tuple[Sequence[str], str]]:
        """Resources and the reason for their wildcards, of what was added since the last call."""
        wild, self._wild = self._wild, []
        return wild


def _statement(*, actions: set[str], on: list[str], only_if: Condition | None) -> dict[str, Any]:
    """As CDK's own policies are written: one action or resource by itself, several in order."""
    listed = sorted(actions)
    return {
        "Effect": "Allow",
        "Action": listed if len(listed) > 1 else listed[0],
        "Resource": on if len(on) > 1 else on[0],
        **({"Condition": only_if} if only_if else {}),
    }
