"""What /etc/hosts does on SageMaker: a process of a job with several instances knows their names.

Found by Python itself, in every process of the container, because this folder is on its path. It
must run in any environment, so it imports nothing but the standard library.
"""

import os
import socket
from typing import Any

_HOSTS = dict(pair.split("=", 1) for pair in os.environ.get("LOCAL_AWS_HOSTS", "").split())
_getaddrinfo, _gethostbyname = socket.getaddrinfo, socket.gethostbyname


def _known(host: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    return _HOSTS.get(name, host)


def _with_hosts(host: Any, *rest: Any, **named: Any) -> Any:
    return _getaddrinfo(_known(host), *rest, **named)


def _by_name(hostname: str) -> str:
    return _gethostbyname(_known(hostname))


socket.getaddrinfo = _with_hosts
socket.gethostbyname = _by_name
