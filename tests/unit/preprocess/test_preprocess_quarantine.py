"""Rows that cannot be used: set aside one by one, with a reason, and nothing beside them lost."""

from __future__ import annotations

from typing import Any

import pytest

GOOD = 40  # rows of the tiny table


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,1,red,true,x", "5 fields where the header has 6"),
        ("1,1,red,true,x,no,more", "7 fields where the header has 6"),
        ("   ", "1 fields where the header has 6"),
        ("x,1,red,true,x,no", "size: not a finite 32-bit number ('x')"),
        ("inf,1,red,true,x,no", "size: not a finite 32-bit number ('inf')"),
        ("-Infinity,1,red,true,x,no", "size: not a finite 32-bit number ('-Infinity')"),
        ("1e400,1,red,true,x,no", "size: not a finite 32-bit number ('1e400')"),
        ("3.5e38,1,red,true,x,no", "size: not a finite 32-bit number ('3.5e38')"),
        ("1_000,1,red,true,x,no", "size: not a finite 32-bit number ('1_000')"),
        ("0x10,1,red,true,x,no", "size: not a finite 32-bit number ('0x10')"),
        ("1,1.5,red,true,x,no", "count: not a 64-bit integer ('1.5')"),
        (
            "1,9223372036854775808,red,true,x,no",
            "count: not a 64-bit integer ('9223372036854775808')",
        ),
        (f"1,{'9' * 400},red,true,x,no", f"count: not a 64-bit integer ('{'9' * 40}')"),
        ("1,1,red,maybe,x,no", "ready: not true or false ('maybe')"),
        ("1,1,red,true,x,", "label: the target is missing"),
        ("1,1,red,true,x,   ", "label: the target is missing"),
        (",,,,,", "label: the target is missing"),
        ("1,1,re\0d,true,x,no", "holds a NUL byte"),
        ('1,1,"red"x,true,x,no', "broken quoting"),
        (
            "one,two,red,true,x,",
            "size: not a finite 32-bit number ('one'); count: not a 64-bit integer ('two');"
            " label: the target is missing",
        ),
    ],
)
def test_a_bad_row_is_set_aside_with_its_place_reason_and_text(
    world: Any, table: Any, line: str, reason: str
) -> None:
    version = world.publish(table(line, "7,700,red,true,x,no"))

    assert version.quarantine == [
        {"row": str(GOOD + 1), "line": str(GOOD + 2), "reason": reason, "raw": line}
    ]
    assert version.result["rows"]["in"] == GOOD + 2
    assert version.result["rows"]["quarantined"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "1,5.0,red,true,x,no",
        "+1,+5,red,T,x,no",
        " 1 , 5 , red , 1 , x , no ",
        "1e-300,5,red,0,x,no",
        "NaN,NaN,red,no,x,no",
        ",,,,,no",
        '1,5,"red, or green",true,"a ""quoted"" note",no',
        '"1","5","red","true","x","no"',
        '1,5,red,true,"two\nlines",no',
        "1,5,=cmd(),true,=1+1,no",
        '1,5,5" pipe,true,x,no',
        "1,5,żółty 🟡,true,x,no",
    ],
)
def test_an_odd_but_good_row_is_kept(world: Any, table: Any, line: str) -> None:
    version = world.publish(table(line))

    assert version.quarantine == []
    assert version.result["rows"]["in"] == GOOD + 1


def test_a_quote_that_is_never_closed_costs_one_row_not_the_rest_of_the_file(
    world: Any, table: Any
) -> None:
    rest = [f"1,{n},red,true,x,no" for n in range(200)]
    version = world.publish(table('1,1,"red,true,x,no', *rest))

    assert [row["reason"] for row in version.quarantine] == ["broken quoting"]
    assert version.result["rows"]["in"] == GOOD + 201


def test_two_quotes_that_are_never_closed_cost_two_rows(world: Any, table: Any) -> None:
    rest = [f"1,{n},red,true,x,no" for n in range(10)]
    version = world.publish(table('1,1,"red,true,x,no', *rest, '1,1,red,true,"x,no', *rest))

    assert [row["line"] for row in version.quarantine] == [str(GOOD + 2), str(GOOD + 13)]
    assert version.result["rows"]["in"] == GOOD + 22


def test_a_stray_quote_further_down_does_not_take_the_rows_between_with_it(
    world: Any, table: Any
) -> None:
    between = [f"1,{n},red,true,x,no" for n in range(10)]
    version = world.publish(table('1,1,"red,true,x,no', *between, '1,1,red,true,x",no'))

    assert [row["line"] for row in version.quarantine] == [str(GOOD + 2)]
    assert version.result["rows"]["in"] == GOOD + 12


def test_a_record_of_very_many_lines_is_taken_for_a_quote_that_was_never_closed(
    world: Any, table: Any
) -> None:
    between = [f"1,{n},red,true,x,no" for n in range(60)]
    version = world.publish(table('1,1,red,true,"x', *between, 'x",no'))

    reasons = [row["reason"] for row in version.quarantine]
    assert reasons == ["broken quoting", "2 fields where the header has 6"]
    assert version.result["rows"]["in"] == GOOD + 62


def test_a_record_of_several_lines_is_one_row_at_its_first_line(world: Any, table: Any) -> None:
    version = world.publish(table('x,1,red,true,"two\nlines",no', "y,1,red,true,x,no"))

    first, second = version.quarantine
    assert (first["row"], first["line"]) == (str(GOOD + 1), str(GOOD + 2))
    assert first["raw"] == 'x,1,red,true,"two\nlines",no'
    assert (second["row"], second["line"]) == (str(GOOD + 2), str(GOOD + 4))


def test_blank_lines_are_not_rows_but_are_counted_as_lines(world: Any, table: Any) -> None:
    version = world.publish(table("", "", "x,1,red,true,x,no", ""))

    assert version.result["rows"]["in"] == GOOD + 1
    assert version.quarantine[0]["line"] == str(GOOD + 4)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_do_not_change_the_data(
    world: Any, table: Any, end: str, start: bytes
) -> None:
    plain = world.publish(table("x,1,red,true,x,no"))
    other = world.publish(start + table("x,1,red,true,x,no").replace("\n", end).encode())

    for name in ("train/train.csv", "validation/validation.csv", "test/test.csv"):
        assert other.files[name] == plain.files[name]
    assert other.quarantine == plain.quarantine


def test_values_of_dropped_columns_are_not_judged(world: Any, table: Any, declared: Any) -> None:
    version = world.publish(table("anything,1,red,true,x,no"), declared(drop=["note", "size"]))

    assert version.quarantine == []
