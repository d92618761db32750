"""One server for the tests of inference components, where an hour is a minute."""

from collections.abc import Iterator

import pytest
from support.inference_components import Host
from support.local_aws_server import LocalAws


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with LocalAws.started(tmp_path_factory.mktemp("aws"), enforce=True, time_factor=60) as aws:
        yield Host.on(aws)
