"""The text of single lines is found in a piece of many, for the quarantine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preprocess.batch import texts

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0\r\n")
# Pieces end lines with LF alone; these hold no NUL, and begin with no byte order mark.
LINES = st.text(CHARACTERS, min_size=1) | st.sampled_from(
    ['"', ' "a, ""b', ",,", "x\ufeff", "#", " x ", "\x01\t;|", "null", "y" * 70_000]
)


@given(lines=st.lists(LINES, min_size=1, max_size=20), data=st.data())
def test_lines_of_any_text_are_found_by_their_number(lines: list[str], data: st.DataObject) -> None:
    lines[0] = f"0{lines[0]}"
    numbers = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1))))

    found = texts("".join(f"{line}\n" for line in lines).encode(), numbers)

    assert found == [lines[number] for number in numbers]
