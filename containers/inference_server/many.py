"""SageMaker's multi-model contract: models that come and go while the server runs.

All of them live in one process, each with a thread of its own. Which ones are loaded is written
into an open file as it changes: a process that takes over after a crash loads them again.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import orjson

from inference_server.dispatch import Dispatcher
from inference_server.errors import ModelLoadError, RequestError, refuse_encoded
from inference_server.exchange import Exchange
from inference_server.logs import log
from inference_server.memory import resident, settle
from inference_server.models.base import Answer, Predictor
from inference_server.models.load import load
from inference_server.refusals import error_answer, wrong_method
from inference_server.settings import Settings
from inference_server.wire import JSON

if TYPE_CHECKING:
    import asyncio

PAGE = 100
NO_ROOM = 507
_PATH = re.compile(rb"/models(?:/([^/?]+)(/invoke)?)?(?:\?(.*))?")


class Models:
    """The loaded models by name; answers everything below /models."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        remembered: int,
        dispatcher: Callable[[Predictor], Dispatcher],
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._remembered = remembered
        self._dispatcher = dispatcher
        self._loaded: dict[str, tuple[Path, Dispatcher]] = {}
        self._coming: set[str] = set()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
        self._restore()

    def handle(self, exchange: Exchange) -> bool:
        """Answer the exchange, now or later; False if its path is none of ours."""
        match = _PATH.fullmatch(exchange.path)
        if match is None:
            return False
        name = unquote(match[1].decode("latin-1")) if match[1] else ""
        what = (exchange.method, bool(name), bool(match[2]))
        try:
            if what == (b"POST", False, False):
                self._load(exchange)
            elif what == (b"GET", False, False):
                exchange.reply(self._listed(match[3] or b""))
            elif what == (b"GET", True, False):
                exchange.reply(Answer(orjson.dumps(self._described(name)), JSON))
            elif what == (b"DELETE", True, False):
                exchange.reply(self._unload(name))
            elif what == (b"POST", True, True):
                refuse_encoded(exchange.headers)
                self.of(name).submit(exchange)
            else:
                allowed = "POST" if match[2] else "GET, DELETE" if name else "GET, POST"
                exchange.reply(wrong_method("this path", allowed))
        except RequestError as error:
            log(logging.WARNING, "refused", status=error.status, error=str(error))
            exchange.reply(error_answer(error.status, str(error)))
        return True

    def of(self, name: str) -> Dispatcher:
        """The dispatcher of a loaded model. Raises RequestError 404 for any other."""
        found = self._loaded.get(name)
        if found is None:
            raise RequestError(f"the model {name[:200]!r} is not loaded", 404)
        return found[1]

    def _load(self, exchange: Exchange) -> None:
        name, folder = self._asked(exchange.body)
        if name in self._loaded or name in self._coming:
            raise RequestError(f"the model {name[:200]!r} is loaded already", 409)
        self._coming.add(name)
        self._thread.submit(self._run, name, folder, exchange)

    def _run(self, name: str, folder: Path, exchange: Exchange) -> None:
        outcome = self._tried(name, folder)
        self._loop.call_soon_threadsafe(self._finished, name, folder, exchange, outcome)

    def _tried(self, name: str, folder: Path) -> Predictor | Answer:
        limit = self._settings.models_memory_bytes
        try:
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            if resident() + size > limit:
                return self._no_room(name)
            settings = replace(self._settings, model_dir=folder, script_dir=folder / "code")
            predictor = load(settings)
        except MemoryError:
            return self._no_room(name)
        except ModelLoadError as error:
            return error_answer(400, f"the model {name!r} cannot be loaded: {error}")
        except Exception as error:
            logging.getLogger(__name__).exception("the model %r cannot be loaded", name)
            return error_answer(500, f"the model {name!r} cannot be loaded: {error}")
        if resident() > limit:
            return self._no_room(name)
        return predictor

    def _no_room(self, name: str) -> Answer:
        settle()
        limit = self._settings.models_memory_bytes // 1024**2
        return error_answer(
            NO_ROOM, f"there is no memory for the model {name!r}: all models may take {limit} MB"
        )

    def _finished(
        self, name: str, folder: Path, exchange: Exchange, outcome: Predictor | Answer
    ) -> None:
        self._coming.discard(name)
        if isinstance(outcome, Answer):
            log(logging.ERROR, "not loaded", model=name, error=outcome.body.decode())
            exchange.reply(outcome)
            return
        self._loaded[name] = (folder, self._dispatcher(outcome))
        self._remember()
        log(logging.INFO, "loaded", model=name, model_dir=str(folder))
        exchange.reply(Answer(orjson.dumps(self._described(name)), JSON))

    def _unload(self, name: str) -> Answer:
        self.of(name).close()
        del self._loaded[name]
        self._remember()
        # On its thread: giving memory back takes a while, and the model may be in use still.
        self._thread.submit(settle)
        log(logging.INFO, "unloaded", model=name)
        return Answer(b"", JSON)

    def _listed(self, query: bytes) -> Answer:
        token = parse_qs(query.decode("latin-1")).get("next_page_token", [""])[0]
        names = sorted(name for name in self._loaded if name > token)
        content: dict[str, Any] = {"models": [self._described(name) for name in names[:PAGE]]}
        if len(names) > PAGE:
            content["nextPageToken"] = names[PAGE - 1]
        return Answer(orjson.dumps(content), JSON)

    def _described(self, name: str) -> dict[str, str]:
        self.of(name)
        return {"modelName": name, "modelUrl": str(self._loaded[name][0])}

    def _asked(self, body: bytes) -> tuple[str, Path]:
        try:
            content = orjson.loads(body)
            name, url = content["model_name"], content["url"]
            if not (isinstance(name, str) and name and isinstance(url, str)):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            raise RequestError(
                'the body must be a JSON object like {"model_name": "a", "url": '
                '"/opt/ml/models/a/model"}'
            ) from None
        top, folder = self._settings.models_dir.resolve(), Path(url)
        try:
            if folder.resolve().is_relative_to(top) and folder.is_dir():
                return name, folder
        except (OSError, ValueError, RuntimeError):
            pass  # too long for a path, a NUL in it, a link to itself
        raise RequestError(f"url is {url[:200]!r}, allowed: a model's folder below {top}")

    # ---- across crashes

    def _remember(self) -> None:
        content = orjson.dumps({name: str(folder) for name, (folder, _) in self._loaded.items()})
        # A line in the place of the last one: at no moment is there nothing to be read.
        os.pwrite(self._remembered, content + b"\n", 0)
        os.ftruncate(self._remembered, len(content) + 1)

    def _known(self) -> dict[str, str]:
        size = os.fstat(self._remembered).st_size
        line = os.pread(self._remembered, size, 0).partition(b"\n")[0]
        try:
            found: dict[str, str] = orjson.loads(line or b"{}")
        except ValueError:  # the last process died as it wrote a long one
            return {}
        return found

    def _restore(self) -> None:
        for name, url in self._known().items():
            outcome = self._tried(name, Path(url))
            if isinstance(outcome, Answer):
                log(logging.ERROR, "not loaded", model=name, error=outcome.body.decode())
            else:
                self._loaded[name] = (Path(url), self._dispatcher(outcome))
