"""Words are judged once, by the code they have in their column's pool."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import polars as pl

from preprocess.words import Words


def _plain(words: Words, *column: str | None) -> list[str | int | None]:
    values = words.plain(pl.Series(column, dtype=pl.String).cast(words.type))
    if values.dtype == words.type:
        values = values.cast(pl.String)
    return values.to_list()


def test_a_word_keeps_its_code_when_no_column_is_left() -> None:
    words = Words("boolean", 10)
    assert _plain(words, "true", "no") == [1, 0]
    assert _plain(words, "no", "true") == [0, 1]
    assert _plain(words, "FALSE", None, "T") == [0, None, 1]


def test_a_category_with_spaces_around_it_is_not_written_plainly() -> None:
    words = Words("category", 10)
    assert _plain(words, "red", "blue", None) == ["red", "blue", None]
    assert _plain(words, "red", " red", "", "\x1cred", "green") == [
        "red", None, None, None, "green",
    ]  # fmt: skip
    assert _plain(words, "blue") == ["blue"]


def test_more_words_than_could_be_categories_are_text() -> None:
    words = Words("category", 10)
    _plain(words, *(f"word {n}" for n in range(1_040)))
    assert not words.as_text
    _plain(words, "another")
    assert words.as_text


def test_several_readers_meet_the_same_words_at_once() -> None:
    words = Words("boolean", 10)
    columns = [[f"w{n}", "yes", f"w{n + 1}", "n", None] for n in range(200)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda column: _plain(words, *column), columns, timeout=60)
        assert list(found) == [[None, 1, None, 0, None]] * 200
