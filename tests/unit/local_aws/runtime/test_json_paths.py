"""Batch transform's JSONPath subset (contracts.md section 6)."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.json_paths import parse

ROW = ["a", "b", "c", "d", "e", "f"]
DOCUMENT = {"id": 7, "in": [1, 2], "deep": {"x y": 3}, "rows": [{"p": 1}, {"p": 2}]}


@pytest.mark.parametrize(
    ("path", "document", "taken"),
    [
        ("$", ROW, ROW),
        ("$[0]", ROW, "a"),
        ("$[-1]", ROW, "f"),
        ("$[0,2]", ROW, ["a", "c"]),
        ("$[0,-1]", ROW, ["a", "f"]),
        ("$[1:]", ROW, ["b", "c", "d", "e", "f"]),
        ("$[:1]", ROW, ["a", "b"]),
        ("$[0,3:]", ROW, ["a", "d", "e", "f"]),
        ("$[*]", ROW, ROW),
        ("$.id", DOCUMENT, 7),
        ("$['id']", DOCUMENT, 7),
        ("$.deep['x y']", DOCUMENT, 3),
        ("$['id','in']", DOCUMENT, {"id": 7, "in": [1, 2]}),
        ("$.in[1]", DOCUMENT, 2),
        ("$.deep.*", DOCUMENT, [3]),
        ("$.rows[1].p", DOCUMENT, 2),
    ],
)
def test_takes_what_the_path_names(path: str, document: Any, taken: Any) -> None:
    assert parse(path)(document) == taken


def test_a_slice_includes_its_end() -> None:
    """The guide's prose: `$[1:4]` is the second through the fifth, unlike Python."""
    assert parse("$[1:4]")(ROW) == ["b", "c", "d", "e"]


@pytest.mark.parametrize("path", ["id", "$id", "$[", "$[a]", "$[]", "$..id", "$[?(@.x)]"])
def test_refuses_what_is_no_path(path: str) -> None:
    with pytest.raises(RuntimeFailure, match="filter"):
        parse(path)


def test_refuses_a_path_over_63_characters() -> None:
    with pytest.raises(RuntimeFailure, match="at most 63 characters"):
        parse("$." + "a" * 62)


@pytest.mark.parametrize(
    ("path", "document"), [("$[6]", ROW), ("$.id", ROW), ("$[0]", DOCUMENT), ("$.none", DOCUMENT)]
)
def test_refuses_a_document_the_path_does_not_fit(path: str, document: Any) -> None:
    with pytest.raises(RuntimeFailure, match="does not fit the record"):
        parse(path)(document)
