"""The part of JSONPath that batch transform's filters speak (contracts 6).

`$`, `.name`, `*`, `['a','b']`, `[0,2]` (negatives from the end), `[start:end]`. A slice's end is
**inclusive**: the guide calls `$[1:4]` "second through fifth", unlike Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local_aws.runtime.containers import RuntimeFailure

LONGEST_PATH = 63
_STEP = re.compile(
    r"\.(?P<name>\*|[A-Za-z_][\w-]*)|\[(?P<union>(?:'[^']*'|\"[^\"]*\"|[^\]'\"])*)\]"
)
_ITEM = re.compile(
    r"\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<star>\*)"
    r"|(?P<start>-?\d+)?(?P<colon>:)(?P<end>-?\d+)?|(?P<index>-?\d+))\s*(?:,|$)"
)

Path = Callable[[Any], Any]
_Step = Callable[[Any], Any]


def parse(text: str) -> Path:
    """Return a function that takes what `text` names out of a document.

    Both RuntimeFailure: a path that is none, here; a document it does not fit, when called.
    """
    if not text.startswith("$") or len(text) > LONGEST_PATH:
        raise RuntimeFailure(
            f"filter {text!r} is no JSONPath: it starts with $ and has at most {LONGEST_PATH}"
            " characters"
        )
    steps: list[_Step] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise RuntimeFailure(
                f"filter {text!r} is not understood at {text[position:]!r}: allowed are .name, *,"
                " ['a','b'], [0,2] and [start:end]"
            )
        steps.append(_step(match, text))
        position = match.end()

    def take(document: Any) -> Any:
        for step in steps:
            document = step(document)
        return document

    return take


def _step(match: re.Match[str], text: str) -> _Step:
    name = match["name"]
    if name == "*":
        return lambda value: _everything(value, text)
    if name is not None:
        return lambda value: _member(value, name, text)
    items = _items(match["union"], text)
    if len(items) == 1 and isinstance(items[0], str | int):
        only = items[0]
        return lambda value: _member(value, only, text)
    return lambda value: _several(value, items, text)


def _items(union: str, text: str) -> list[Any]:
    items: list[Any] = []
    position = 0
    while position < len(union) or not items:
        match = _ITEM.match(union, position)
        if match is None or match.end() == position:
            raise RuntimeFailure(f"filter {text!r}: {union!r} between the brackets is no index")
        if match["star"]:
            items.append(slice(None))
        elif match["colon"]:
            start, end = (int(match[k]) if match[k] else None for k in ("start", "end"))
            items.append(slice(start, end))
        elif match["index"]:
            items.append(int(match["index"]))
        else:
            items.append(match["single"] if match["single"] is not None else match["double"])
        position = match.end()
    return items


def _several(value: Any, items: list[Any], text: str) -> Any:
    if all(isinstance(item, str) for item in items):  # names keep their names
        return {name: _member(value, name, text) for name in items}
    taken: list[Any] = []
    for item in items:
        if isinstance(item, slice):
            taken += _slice(value, item, text)
        else:
            taken.append(_member(value, item, text))
    return taken


def _slice(value: Any, item: slice, text: str) -> list[Any]:
    if isinstance(value, dict) and item == slice(None):
        return list(value.values())
    if not isinstance(value, list):
        raise _misfit(text, value)
    end = item.stop
    if end is not None:
        end = None if end == -1 else end + 1  # inclusive
    return value[item.start : end]


def _everything(value: Any, text: str) -> list[Any]:
    return _slice(value, slice(None), text)


def _member(value: Any, key: str | int, text: str) -> Any:
    wanted = dict if isinstance(key, str) else list
    if not isinstance(value, wanted):
        raise _misfit(text, value)
    container: Any = value
    try:
        return container[key]
    except (KeyError, IndexError):
        raise _misfit(text, value) from None


def _misfit(text: str, value: Any) -> RuntimeFailure:
    return RuntimeFailure(f"filter {text!r} does not fit the record {str(value)[:100]}")
