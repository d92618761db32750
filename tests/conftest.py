"""How tests are spread over workers: a file's tests stay together, the deployed workflow's too."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# One deployed workflow serves all of these; two workers would deploy it twice.
TOGETHER = TESTS / "integration" / "workflow"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test belongs to the group of its file (`--dist loadgroup`)."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            together = item.path.is_relative_to(TOGETHER)
            group = "workflow" if together else str(item.path.relative_to(TESTS))
            item.add_marker(pytest.mark.xdist_group(group))
