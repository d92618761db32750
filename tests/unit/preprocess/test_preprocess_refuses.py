"""Objects that are no dataset: one clear message, everything wrong at once, nothing published."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from preprocess import limits
from preprocess.faults import DatasetTooLarge
from preprocess.s3 import S3Error
from preprocess.spool import PREFIX


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("raw.csv", "size,label\n1,yes\n")
    return packed.getvalue()


def _parquet() -> bytes:
    packed = io.BytesIO()
    pl.DataFrame({"size": [1.0], "label": ["yes"]}).write_parquet(packed)
    return packed.getvalue()


HEADER = "size,count,colour,ready,note,label\n"
CORPUS = {
    "empty": (b"", "It is empty"),
    "blank lines": (b"\n\r\n\n", "It is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "It is empty"),
    "header only": (HEADER.encode(), "a header and no row"),
    "header without line end": (HEADER.strip().encode(), "a header and no row"),
    "no header": (b"1,1,red,true,x,yes\n" * 40, "Is the header missing?"),
    "semicolons": (HEADER.replace(",", ";").encode() + b"1;1;red;true;x;yes\n", "semicolons"),
    "tabs": (HEADER.replace(",", "\t").encode() + b"1\t1\n", "separated by tabs"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    "gzip": (gzip.compress(HEADER.encode()), "a header and no row"),
    "gzip bomb": (
        gzip.compress(HEADER.encode() + b"1,1,red,true,x,yes\n" * 6_000_000),
        "more than 300 times its size",
    ),
    "gzip in gzip": (gzip.compress(gzip.compress(b"x")), "gzip data inside gzip"),
    "gzip cut short": (gzip.compress(os.urandom(9_000).hex().encode())[:-999], "ends too early"),
    "gzip damaged": (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "starts like gzip data and is not"),
    "zip": (_zip(), "a zip archive or an Excel workbook"),
    "old excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
    "parquet": (_parquet(), "4 of 6 declared columns are missing"),
    "parquet cut short": (_parquet()[:-9], "does not end in a footer"),
    "parquet in gzip": (gzip.compress(_parquet()), "a Parquet file inside gzip"),
    "sqlite": (b"SQLite format 3\0", "an SQLite database"),
    "json": (b'{"size": 1}\n', "The target column 'label' is missing."),
    "json list": (b'[{"size": 1}]\n', "a JSON array: write one object a line"),
    "html": (b"<!DOCTYPE html><html>", "an HTML page"),
    "pickle": (b"\x80\x04\x95\x0b\0\0\0", "a Python pickle"),
    "program": (b"\x7fELF\x02\x01\x01", "a program"),
    "utf-16": (HEADER.encode("utf-16"), "UTF-16 text: save it as UTF-8"),
    "utf-16 without mark": (HEADER.encode("utf-16-le"), "NUL bytes"),
    "latin-1": (HEADER.encode() + "1,1,gr\u00fcn,true,x,yes\n".encode("latin-1"), "byte offset 41"),
    "cut in a letter": (HEADER.encode() + "1,1,ü".encode()[:-1], "byte offset 39"),
    "marked latin-1": (b"\xef\xbb\xbf" + HEADER.encode() + b"\xfc", "byte offset 38"),
    "one line": (b"x" * 2_000_000, "a line longer than 1,048,576 bytes"),
    "too many columns": (",".join(f"c{n}" for n in range(100_000)).encode(), "100,000 columns"),
    "few rows": ((HEADER + "1,1,red,true,x,yes\n" * 3).encode(), "3 good rows; at least 20"),
    "one class": ((HEADER + "1,1,red,true,x,yes\n" * 40).encode(), "one class ('yes')"),
    "random bytes": (bytes(range(128, 256)) * 8, "not UTF-8: byte 0x80 at byte offset 0"),
}


@pytest.mark.parametrize("name", CORPUS)
def test_an_object_that_is_no_table_is_rejected_with_the_fault(world: Any, name: str) -> None:
    content, fault = CORPUS[name]

    refused = world.refusal(content)

    assert fault in str(refused)
    assert str(refused).startswith("s3://raw/tiny/raw.csv was rejected: ")
    assert "upload it again" in str(refused)
    assert not [k for k in world.s3.order if "/rejected/" not in k and not k.startswith(PREFIX)]


def test_every_fault_of_the_header_is_told_at_once(world: Any) -> None:
    refused = world.refusal("size,size,note\n1,2,3\n")

    assert refused.faults == (
        "The target column 'label' is missing.",
        "3 of 6 declared columns are missing: count, colour, ready.",
        "Columns named more than once: size.",
    )
    assert "(1) The target" in str(refused)
    assert "(3) Columns" in str(refused)


def test_every_fault_of_the_rows_is_told_at_once(world: Any) -> None:
    refused = world.refusal(HEADER + "x,1,red,true,x,yes\n" * 5 + "1,1,red,true,x,yes\n" * 2)

    assert refused.faults == (
        "5 of 7 rows cannot be used, at most 50% may (size: not a finite 32-bit number: 5;"
        " for example line 2: size: not a finite 32-bit number ('x')).",
        "It has 2 good rows; at least 20 are needed.",
    )


def test_a_rejection_is_recorded_beside_the_versions(world: Any) -> None:
    refused = world.refusal(HEADER)

    (key,) = world.s3.order
    record = json.loads(world.s3.objects["processed", key])
    assert key.startswith("tiny/rejected/")
    assert key.endswith(".json")
    assert record["faults"] == list(refused.faults)
    assert record["message"] == str(refused)
    assert record["source"]["key"] == "tiny/raw.csv"


def test_a_binary_target_with_three_classes_is_rejected(world: Any, table: Any) -> None:
    refused = world.refusal(table("1,1,red,true,x,perhaps"))

    assert refused.faults == (
        "Target 'label' has 3 classes ('no', 'perhaps', 'yes'); binary needs two.",
    )


def test_a_category_that_is_an_identifier_is_rejected(
    world: Any, table: Any, declared: Any
) -> None:
    rows = [f"1,1,c{n},true,x,no" for n in range(40)]

    refused = world.refusal(table(*rows), declared(limits={"max_categories": 10}))

    assert "Column 'colour' has" in str(refused)
    assert "declare it text and drop it" in str(refused)


def test_times_too_coarse_to_split_by_are_rejected(world: Any, declared: Any) -> None:
    block = declared(
        columns={"at": "timestamp", "size": "number", "label": "category"},
        drop=None,
        split={"kind": "time", "by": "at", "train": 0.6, "validation": 0.2, "test": 0.2},
    )
    lines = [f"2024-01-01,{n},{n % 2}" for n in range(30)]

    assert "too many rows share one time" in str(
        world.refusal("\n".join(["at,size,label", *lines]), block)
    )


def test_an_object_above_the_limit_is_refused_unread(
    world: Any, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")
    limit = limits.largest_object(timeout_seconds=900, memory_mb=2048)
    head = world.s3.head
    size = {"size": limit + 2**20}
    monkeypatch.setattr(world.s3, "head", lambda *a, **k: replace(head(*a, **k), **size))
    monkeypatch.setattr(world.s3, "get", _never_the_object)

    refused = world.refusal(table())

    assert f"It has {limit / 2**20 + 1:,.0f} MiB; this function reads at most" in str(refused)
    assert "within its 900 seconds" in str(refused)


@pytest.mark.parametrize("name", ["tiny/raw.csv", "tiny/raw.csv.gz"])
def test_a_packed_object_above_an_eighth_of_it_is_refused_by_its_first_bytes(
    world: Any, table: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A key may end in anything. The error has a name of its own: another engine may take it."""
    limit = limits.largest_object(timeout_seconds=900, memory_mb=2048, packed=True)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")
    head, asked = world.s3.head, []
    monkeypatch.setattr(
        world.s3, "head", lambda *a, **k: replace(head(*a, **k), size=limit + 2**20)
    )
    world.s3.before = lambda call, key: asked.append(call) if call == "get" else None

    with pytest.raises(DatasetTooLarge) as told:
        world.publish(gzip.compress(table().encode()), key=name)

    assert f"at most {limit / 2**20:,.0f} MiB of gzip or Parquet" in str(told.value)
    assert asked == ["get"]


def _never_the_object(*_: Any, **__: Any) -> Any:
    raise AssertionError("read in spite of its size")


def test_an_object_that_is_gone_is_rejected(
    world: Any, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: str, **__: Any) -> Any:
        raise S3Error("HeadObject", 404, "404", "no message")

    monkeypatch.setattr(world.s3, "head", gone)

    refused = world.refusal(table())

    assert refused.faults == ("There is no such object: it was deleted after its upload.",)


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_an_object_it_may_not_read_is_an_error_of_the_deployment_not_of_the_data(
    world: Any, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the answer to a GET says what is missing: that to a HEAD has no body."""

    def denied(code: str, message: str, call: str) -> Any:
        def refuse(*_: str, **__: Any) -> Any:
            raise S3Error(call, 403, code, message)

        return refuse

    named = "User: f is not authorized to perform: kms:Decrypt"
    monkeypatch.setattr(world.s3, "head", denied("403", "Forbidden", "HeadObject"))
    monkeypatch.setattr(world.s3, "get", denied("AccessDenied", named, "GetObject"))

    with pytest.raises(S3Error, match="not authorized to perform: kms:Decrypt"):
        world.publish(table())


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"target": "price"}, "Target 'price' is not a declared column."),
        ({"drop": ["note", "label"]}, "Target 'label' is dropped."),
        ({"drop": ["note", "weight"]}, "Dropped column 'weight' is not declared."),
        ({"drop": []}, "Column 'note' is text: list it in 'drop' or split by it."),
        ({"impute": {"note": "mean"}}, "'impute' names 'note', which is no feature."),
        ({"impute": {"size": "mode"}}, "mean, median, none or {constant = ...}, got 'mode'."),
        ({"impute": {"colour": "mean"}}, "'impute' colour: a category has no mean"),
        ({"impute": {"count": {"constant": 1.5}}}, "'impute' count: 1.5 is no integer."),
        ({"impute": 3}, "'impute' must be a table, got 3."),
        ({"formats": ["orc"]}, "'formats' must list csv, parquet or both, got ['orc']."),
        ({"problem": "ranking"}, "Problem 'ranking' is not one of binary, multiclass, regression."),
        ({"problem": "regression"}, "Target 'label' is category; regression needs number or"),
        ({"colour": 1}, "Unknown key 'colour'"),
        ({"columns": None}, "'columns' must be a mapping, got None."),
        ({"name": "a/b"}, "'name' becomes part of S3 keys"),
        ({"limits": {"min_rows": 1}}, "'limits' min_rows must be a number from 3"),
        ({"limits": {"maximum": 1}}, "Unknown key 'maximum' in 'limits'"),
        ({"columns": {"label": "category"}, "drop": []}, "No column is left to learn from."),
        ({"columns": {"*": "number", "label": "category"}, "drop": []}, "Column name '*'"),
        ({"split": {"kind": "random", "train": 1, "validation": 0, "test": 0}}, "above 0"),
        (
            {"split": {"kind": "random", "train": 0.7, "validation": 0.2, "test": 0.2}},
            "'split' must add up to 1, got 1.1.",
        ),
        (
            {"split": {"kind": "stratified", "train": 0.6, "validation": 0.2, "test": 0.2}},
            "'split' kind must be random or time, got 'stratified'.",
        ),
        (
            {"split": {"kind": "time", "by": "size", "train": 0.6, "validation": 0.2, "test": 0.2}},
            "'split' by must name a timestamp column, got 'size'.",
        ),
    ],
)
def test_a_declaration_that_cannot_work_is_rejected_before_the_object_is_touched(
    world: Any, table: Any, declared: Any, changes: dict[str, Any], fault: str
) -> None:
    refused = world.refusal(table(), declared(**changes))

    assert fault in str(refused)
    assert "Change [dataset] in the environment's configuration" in str(refused)
    assert world.s3.order == []


def test_the_faults_of_a_declaration_are_told_at_once(
    world: Any, table: Any, declared: Any
) -> None:
    block = declared(problem="ranking", drop=["note", "x"], limits={"min_rows": 0})

    assert len(world.refusal(table(), block).faults) >= 3
