"""The one server of this process: its settings, its clock and what happens when it stops."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger("local_aws")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How this server was started; `time_factor` 10 makes a five minute wait half a minute."""

    port: int = 4566
    state_dir: Path = field(default_factory=lambda: Path("build/local-aws"))
    enforce: bool = False
    time_factor: float = 1.0
    account: str = "222233334444"
    region: str = "us-east-1"


_settings = Settings()
_hooks: list[Callable[[], None]] = []
stopping = threading.Event()


def configure(settings: Settings) -> None:
    """Make these the settings every function of the adapter answers from."""
    global _settings
    _settings = settings


def settings() -> Settings:
    """How this server was started."""
    return _settings


def account() -> str:
    """The account everything lives in, which is also its root's access key id."""
    return _settings.account


def region() -> str:
    """The region everything lives in."""
    return _settings.region


def endpoint_url() -> str:
    """Where clients of this machine reach the server."""
    return f"http://127.0.0.1:{_settings.port}"


def state_dir() -> Path:
    """The folder that belongs to this server, existing."""
    _settings.state_dir.mkdir(parents=True, exist_ok=True)
    return _settings.state_dir


def scaled(seconds: float) -> float:
    """The seconds to really wait where the service would wait `seconds`."""
    return seconds / _settings.time_factor


def on_shutdown(fn: Callable[[], None]) -> None:
    """Have `fn` called once, before the process ends; the last registered goes first."""
    _hooks.append(fn)


def run_shutdown_hooks() -> None:
    """Call every hook; one that fails does not keep the others from their turn."""
    stopping.set()
    while _hooks:
        hook = _hooks.pop()
        try:
            hook()
        except Exception:
            log.exception("a shutdown hook failed")
