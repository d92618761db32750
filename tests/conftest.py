"""How tests are spread over workers: a file's tests stay together, the deployed workflow's too."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# One deployed workflow serves all of these; two workers would deploy it twice.
TOGETHER = TESTS / "integration" / "workflow"
IMAGES = TESTS / "images"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test belongs to the group of its file (`--dist loadgroup`)."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            together = item.path.is_relative_to(TOGETHER)
            group = "workflow" if together else str(item.path.relative_to(TESTS))
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What needs a container engine is named where it was in reach and is not selected."""
    asked = (Path(argument.split("::")[0]).resolve() for argument in config.args)
    if config.option.markexpr == "not images" and any(map(IMAGES.is_relative_to, asked)):
        for file in sorted(IMAGES.glob("test_*.py")):
            name = file.relative_to(TESTS.parent)
            terminalreporter.write_line(f"not selected: {name} (make test-images)")
