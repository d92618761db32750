"""The text of single lines is found in a piece of many, for the quarantine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preprocess.batch import BLOCK, texts

LENGTHS = st.sampled_from((0, 1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK))


@given(lengths=st.lists(LENGTHS, min_size=1, max_size=20), data=st.data())
def test_lines_of_any_length_are_found_by_their_number(
    lengths: list[int], data: st.DataObject
) -> None:
    lines = ["x" * length + str(number) for number, length in enumerate(lengths)]
    numbers = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1))))

    found = texts("".join(f"{line}\n" for line in lines).encode(), numbers)

    assert found == [lines[number] for number in numbers]
