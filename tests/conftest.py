"""How tests are spread over workers: a file's tests stay together, the deployed workflow's too."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# However pytest was started: CDK's offline validator may take minutes for one stack. Its Node.js is
# started by the first module that imports aws_cdk, which is long before any test.
os.environ.setdefault("CDK_VALIDATION", "false")

TESTS = Path(__file__).parent
# One deployed workflow serves all of a folder; two workers would deploy it twice.
SHARED = ("tests/integration/workflow", "tests/integration/grants")
IMAGES = TESTS / "images"

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time: a change is judged by what it changes. `make abuse` looks for others.
settings.register_profile("busy", settings.get_profile("search"), derandomize=True)
settings.load_profile("busy")


class Together(LoadScopeScheduling):
    """A file's tests run in order on one worker, and so do all that share the workflow."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return next((folder for folder in SHARED if file.startswith(f"{folder}/")), file)

    # xdist 3.8 would run the test that ended a worker for ever, hand out files that are done, ask
    # workers that are not up yet, and leave a new one waiting that was given a single test.
    def remove_node(self, node: WorkerController) -> str | None:
        """A test that ended its worker has failed; those behind it go on without it."""
        left = {
            scope: tests
            for scope, tests in self.assigned_work.pop(node).items()
            if not all(tests.values())
        }
        if not left:
            return None
        tests = next(iter(left.values()))
        ended = next(test for test, done in tests.items() if not done)
        tests[ended] = True
        self.workqueue.update({s: tests for s, tests in left.items() if not all(tests.values())})
        for other in self.assigned_work.keys() & self.registered_collections.keys():
            self._reschedule(other)
        return ended

    def _reschedule(self, node: WorkerController) -> None:
        while not node.shutting_down:
            super()._reschedule(node)
            if self._pending_of(self.assigned_work[node]) > 1:
                return


TERMINAL: list[pytest.TerminalReporter] = []


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """SIGINT interrupts, also where the tests run in the background; failures have a terminal."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if found := config.pluginmanager.get_plugin("terminalreporter"):
        TERMINAL.append(found)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Which worker gets which tests under `-n`."""
    return Together(config, log)


@pytest.fixture(autouse=True, scope="module")
def sagemaker_sdk_knows_nobody_yet() -> None:
    """The SageMaker SDK keeps its clients for the process; the next file has another local AWS."""
    if (sdk := sys.modules.get("sagemaker.core.utils.utils")) is not None:
        sdk.SageMakerClient.reset()


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A failure is told when it happens: a run that is cut short has no summary."""
    if report.failed and not hasattr(report, "wasxfail") and TERMINAL:
        TERMINAL[0].write_line(f"\n{report.outcome}: {report.nodeid} ({report.when})", red=True)
        TERMINAL[0].write_line(report.longreprtext)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What needs a container engine is named where it was in reach and is not selected."""
    asked = (Path(argument.split("::")[0]).resolve() for argument in config.args)
    if config.option.markexpr.startswith("not (images") and any(map(IMAGES.is_relative_to, asked)):
        for file in sorted(IMAGES.glob("test_*.py")):
            name = file.relative_to(TESTS.parent)
            terminalreporter.write_line(f"not selected: {name} (make test-images)")
