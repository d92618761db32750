"""A build of CodeBuild ends in one step: whoever sees its status sees when it ended."""

from typing import Any

import pytest

from local_aws.adapter import codebuild


class _Record(dict[str, Any]):
    """A build that takes note of what others could have seen of it."""

    def __init__(self, **members: Any) -> None:
        super().__init__(members)
        self.seen: list[tuple[Any, Any]] = []

    def update(self, *others: Any, **members: Any) -> None:
        super().update(*others, **members)
        self.seen.append((self["buildStatus"], self.get("buildComplete")))


@pytest.mark.parametrize(
    ("before", "failure", "after"),
    [
        ("IN_PROGRESS", None, "SUCCEEDED"),
        ("IN_PROGRESS", OSError("no room"), "FAILED"),
        ("STOPPED", None, "STOPPED"),
    ],
)
def test_a_build_ends_in_one_step(
    monkeypatch: pytest.MonkeyPatch, before: str, failure: Exception | None, after: str
) -> None:
    told: list[Any] = []

    def work(_build: Any) -> None:
        if failure:
            raise failure

    monkeypatch.setattr(codebuild, "_work", [work])
    monkeypatch.setattr(codebuild, "put_event", lambda _kind, detail, **_: told.append(detail))
    build = codebuild.Build(
        id="p:1", project="p", role_arn="", variables={}, log_group="", log_stream=""
    )
    record = _Record(buildStatus=before, arn="arn")

    codebuild._run(build, record)

    assert record.seen == [(after, True)]
    assert told[0]["build-status"] == after
