"""The regular expressions of AWS's service models, which are Java's, as Python's."""

import re
import sys
import unicodedata
from functools import cache

_POSIX = {
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Upper": "A-Z",
    "Lower": "a-z",
    "Space": r"\s",
    "Punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "Graph": "\x21-\x7e",
    "Print": "\x20-\x7e",
    "ASCII": "\x00-\x7f",
}
_SPELLINGS = {
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010ffff",  # surrogate pairs, UTF-16's own
    r"\z": r"\Z",
}
_REPEATED_ANCHOR = re.compile(r"\$\{\d+,\d*\}")  # `${1,128}`: Java repeats the anchor, no effect
_PROPERTY = re.compile(r"\\([pP])\{(?:Is)?(\w+)\}|\\([pP])([A-Z])")


@cache
def java_pattern(pattern: str) -> re.Pattern[str]:
    """A compiled pattern to use with `fullmatch`, which is how the services apply them."""
    for java, python in _SPELLINGS.items():
        pattern = pattern.replace(java, python)
    return re.compile(_with_properties(_REPEATED_ANCHOR.sub("$", pattern)))


def _with_properties(pattern: str) -> str:
    """The pattern with `\\p{L}` and its like written out, since `re` has no Unicode properties."""
    out: list[str] = []
    position = 0
    for match in _PROPERTY.finditer(pattern):
        out.append(pattern[position : match.start()])
        name = match.group(2) or match.group(4)
        characters = _POSIX.get(name) or _category(name)
        negated = (match.group(1) or match.group(3)) == "P"
        inside = _inside_class(pattern, match.start())
        if inside and negated:
            raise re.error(f"\\P{{{name}}} inside a character class is not supported", pattern)
        out.append(characters if inside else f"[{'^' if negated else ''}{characters}]")
        position = match.end()
    out.append(pattern[position:])
    return "".join(out)


def _inside_class(pattern: str, position: int) -> bool:
    """Whether the position lies between `[` and its `]`."""
    inside, index = False, 0
    while index < position:
        if pattern[index] == "\\":
            index += 2
            continue
        if pattern[index] == "[":
            inside = True
        elif pattern[index] == "]":
            inside = False
        index += 1
    return inside


def _category(name: str) -> str:
    """The members of a Unicode general category as the inside of a character class."""
    ranges = "".join(
        members for category, members in _categories().items() if category.startswith(name)
    )
    if not ranges:
        raise re.error(f"unknown Unicode category {name}")
    return ranges


@cache
def _categories() -> dict[str, str]:
    """Every general category's ranges; one pass over Unicode, made when first needed."""
    ranges: dict[str, list[str]] = {}
    start, current = 0, unicodedata.category("\0")
    for point in range(1, sys.maxunicode + 2):
        category = unicodedata.category(chr(point)) if point <= sys.maxunicode else None
        if category == current:
            continue
        ranges.setdefault(current, []).append(f"\\U{start:08x}-\\U{point - 1:08x}")
        if category is not None:
            start, current = point, category
    return {category: "".join(parts) for category, parts in ranges.items()}
