"""The `[dataset]` block: what the table holds, what to predict, how to split it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from stacks.settings.base import Block, any_of, refuse

ColumnType = Literal["number", "integer", "category", "boolean", "text", "timestamp"]
Problem = Literal["binary", "multiclass", "regression"]
ColumnName = Annotated[str, Field(min_length=1, description="a column's name")]
Fraction = Annotated[float, Field(gt=0, lt=1)]

TARGET_TYPES: dict[Problem, tuple[ColumnType, ...]] = {
    "binary": ("category", "boolean", "integer"),
    "multiclass": ("category", "integer"),
    "regression": ("number", "integer"),
}


class Split(Block):
    """How rows are dealt to train, validation and test: at random, or in order of a column."""

    kind: Literal["random", "time"] = "random"
    by: str | None = Field(default=None, validate_default=True)
    train: Fraction = 0.7
    validation: Fraction = 0.15
    test: Fraction = Field(default=0.15, validate_default=True)
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 17

    @field_validator("by")
    @classmethod
    def _only_a_time_split_has_a_column(cls, by: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("kind")
        if kind == "time" and by is None:
            raise refuse('needed when kind is "time": the timestamp column that orders the rows')
        if kind == "random" and by is not None:
            raise refuse('only for kind = "time": remove it, or set kind = "time"')
        return by

    @field_validator("test")
    @classmethod
    def _fractions_sum_to_one(cls, test: float, info: ValidationInfo) -> float:
        if {"train", "validation"} <= info.data.keys():
            total = info.data["train"] + info.data["validation"] + test
            if abs(total - 1) > 1e-6:
                raise refuse(f"train + validation + test must be 1, they are {total:.6g}")
        return test


class Limits(Block):
    """When an upload is refused as a whole rather than cleaned."""

    min_rows: Annotated[int, Field(ge=1, le=2**31)] = 20
    max_quarantined: Annotated[float, Field(ge=0, le=1)] = 0.5  # a fraction of the rows
    max_categories: Annotated[int, Field(ge=2, le=1_000_000)] = 10_000  # of one column


class Constant(Block):
    """A fixed value for what is missing in a column."""

    constant: bool | int | float | str


class Dataset(Block):
    """A tabular dataset as the preprocessing function reads it."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9-]{0,30}[a-z0-9]$",
            description="2 to 32 lower-case letters, digits and hyphens, a letter first",
        ),
    ]
    problem: Problem
    columns: Annotated[dict[ColumnName, ColumnType], Field(min_length=2)]
    target: str
    drop: list[str] = Field(default_factory=list)
    split: Split = Field(default=Split(), validate_default=True)
    limits: Limits = Limits()
    impute: dict[str, Literal["mean", "median", "none"] | Constant] = Field(
        default_factory=dict, validate_default=True
    )
    # Training reads CSV; Parquet beside it costs a third more time and is for other readers.
    formats: list[Literal["csv", "parquet"]] = Field(default=["csv"], min_length=1)

    @field_validator("target")
    @classmethod
    def _target_is_a_fitting_column(cls, target: str, info: ValidationInfo) -> str:
        columns: dict[str, ColumnType] | None = info.data.get("columns")
        if columns is None:
            return target
        if target not in columns:
            raise refuse(f"must be one of the columns: {any_of(sorted(columns))}")
        problem: Problem | None = info.data.get("problem")
        if problem and columns[target] not in TARGET_TYPES[problem]:
            allowed = any_of(list(TARGET_TYPES[problem]))
            raise refuse(
                f"column {target} is of type {columns[target]}; the target of a {problem}"
                f" problem must be {allowed}"
            )
        return target

    @field_validator("drop")
    @classmethod
    def _dropped_columns_exist(cls, drop: list[str], info: ValidationInfo) -> list[str]:
        columns: dict[str, ColumnType] = info.data.get("columns", {})
        unknown = sorted(set(drop) - set(columns)) if columns else []
        if unknown:
            raise refuse(
                f"no such column: {', '.join(unknown)}; columns are {any_of(sorted(columns))}"
            )
        if "target" in info.data and info.data["target"] in drop:
            raise refuse(f"the target {info.data['target']} cannot be dropped")
        return drop

    @field_validator("split")
    @classmethod
    def _no_column_is_left_unusable(cls, split: Split, info: ValidationInfo) -> Split:
        columns: dict[str, ColumnType] | None = info.data.get("columns")
        if columns is None or not {"drop", "target"} <= info.data.keys():
            return split
        if split.by is not None and columns.get(split.by) != "timestamp":
            stamps = sorted(name for name, kind in columns.items() if kind == "timestamp")
            allowed = any_of(stamps) if stamps else "declare one as timestamp under columns"
            raise refuse(f"must be a timestamp column: {allowed}", key="by", value=split.by)
        used = {n: k for n, k in columns.items() if n not in {*info.data["drop"], split.by}}
        unusable = sorted(n for n, kind in used.items() if kind in ("text", "timestamp"))
        if unusable:
            first = unusable[0]
            raise refuse(
                f"no model learns from text or timestamp: add {', '.join(unusable)} to drop,"
                " or split by a timestamp",
                key=f"^columns.{first}",
                value=used[first],
            )
        if not set(used) - {info.data["target"]}:
            raise refuse(
                "no column is left to learn from: drop fewer columns",
                key="^drop",
                value=info.data["drop"],
            )
        return split

    @field_validator("impute")
    @classmethod
    def _imputed_columns_are_features(cls, impute: dict[str, Any], info: ValidationInfo) -> Any:
        columns: dict[str, ColumnType] = info.data.get("columns", {})
        left_out = {*info.data.get("drop", ()), info.data.get("target")}
        for name, rule in impute.items():
            if not columns:
                break
            if name not in columns or name in left_out:
                raise refuse(f"{name} is no feature; features are columns that are not dropped")
            if isinstance(rule, str) and rule != "none" and columns[name] == "category":
                raise refuse(f"{name} is a category and has no {rule}: use none or a constant")
        return impute

    @field_validator("formats")
    @classmethod
    def _training_reads_csv(cls, formats: list[str]) -> list[str]:
        if "csv" not in formats:
            raise refuse("csv is what training reads: add it")
        return formats

    def as_event(self) -> dict[str, Any]:
        """The block as the preprocessing function's event carries it (JSON-ready)."""
        block = self.model_dump(mode="json", exclude_none=True)
        usual = {"impute": {}, "formats": ["csv"]}
        return {key: value for key, value in block.items() if usual.get(key) != value}
