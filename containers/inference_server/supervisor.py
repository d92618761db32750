"""The first process: binds the port, forks the workers, replaces those that end, ends them all."""

from __future__ import annotations

import gc
import logging
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from tempfile import TemporaryFile

from inference_server import worker
from inference_server.errors import ModelLoadError
from inference_server.listening import turn_newcomers_away
from inference_server.logs import flush, log
from inference_server.memory import settle
from inference_server.models.base import Predictor
from inference_server.models.load import load, shareable
from inference_server.settings import Settings

# Workers that fail again and again: 0.1 s, 0.2 s, ... between tries, within the 5 s promised.
LONGEST_WAIT_SECONDS = 3.0
STOP_SECONDS = 25.0
STOPS = {signal.SIGTERM, signal.SIGINT}


@dataclass(slots=True)
class _Child:
    pid: int
    number: int
    """0 is the waiting room."""
    report: socket.socket
    ready: bool = False
    told: bool = False
    """A ready worker to begin, the room to end."""
    closed: bool = False


class Supervisor:
    """A model that can be shared is loaded here, once: workers are copies that share its pages."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, _Child] = {}
        self._predictor: Predictor | None = None
        # Which models a multi-model endpoint has loaded, for a worker that takes over.
        self._remembered = TemporaryFile() if settings.multi_model else None  # noqa: SIM115
        self._loading = False
        self._failure: str | None = None
        self._stopping_since: float | None = None
        self._proven = False
        self._tries = 0
        self._due: dict[int, float] = {}
        # Never written to: a worker that reads its end knows that we are gone.
        self._alive_reader, self._alive_writer = os.pipe()
        self._wake_reader, self._wake_writer = os.pipe()
        for descriptor in (self._wake_reader, self._wake_writer):
            os.set_blocking(descriptor, False)

    def run(self) -> str | None:
        """Serve until SIGTERM or SIGINT; the sentence that says why otherwise."""
        # Before the handlers, which do nothing themselves.
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._woken)
        self._fork_room()
        if not self._settings.multi_model and shareable(self._settings):
            self._loading = True
            threading.Thread(target=self._load, name="load", daemon=True).start()
        else:
            self._want_all()
        while self._stopping_since is None or self._children:
            for key, _ in self._selector.select(self._patience()):
                key.data()
            self._reap()
            self._keep_going()
        return self._failure

    # ---- loading

    def _load(self) -> None:
        # On a thread, so that SIGTERM ends us while a large model loads. It has ended before we
        # fork: a fork copies one thread only.
        try:
            self._predictor = load(self._settings)
        except ModelLoadError as error:
            self._failure = str(error)
        except Exception as error:
            logging.getLogger(__name__).exception("the model cannot be loaded")
            self._failure = f"the model cannot be loaded: {type(error).__name__}: {error}"
        os.write(self._wake_writer, b"\0")

    def _loaded(self) -> None:
        self._loading = False
        if self._failure is not None:
            self._stop()
            return
        for thread in threading.enumerate():
            if thread.name == "load":
                thread.join()
        # What exists now is never collected: the collector would write to every shared page.
        settle()
        gc.freeze()
        self._want_all()

    def _model(self, number: int) -> Predictor | None:
        if self._settings.multi_model:
            return None  # it is told which ones to load
        if self._predictor is not None:
            return self._predictor
        predictor = load(replace(self._settings, worker=number))
        settle()
        return predictor

    # ---- children

    def _want_all(self) -> None:
        self._due = dict.fromkeys(range(1, self._settings.workers + 1), 0.0)

    def _fork_room(self) -> None:
        self._fork(
            0,
            lambda report: worker.wait_in_room(
                self._settings, self._listener, report=report, parent=self._alive_reader
            ),
        )

    def _fork_worker(self, number: int) -> None:
        self._fork(
            number,
            lambda report: worker.serve(
                self._settings,
                self._listener,
                lambda: self._model(number),
                number=number,
                report=report,
                parent=self._alive_reader,
                remembered=self._remembered.fileno() if self._remembered else None,
            ),
        )

    def _fork(self, number: int, run: Callable[[int], int]) -> None:
        sys.stdout.flush()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # what a worker started itself may hold the other end open
        # A signal between the fork and the child's own handlers must not be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                self._become_child(ours)
                code = run(theirs.fileno())
            except BaseException:
                logging.getLogger(__name__).exception("the worker failed")
            finally:
                with suppress(OSError):
                    flush(patience=1)
                os._exit(code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        theirs.close()
        child = _Child(pid, number, ours)
        self._children[pid] = child
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._reported(child))

    def _become_child(self, ours: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for descriptor in (self._alive_writer, self._wake_reader, self._wake_writer):
            os.close(descriptor)
        for report in (ours, *(child.report for child in self._children.values())):
            report.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Until the loop has handlers of its own there is no request to finish.
        for number in STOPS:
            signal.signal(number, _leave)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def _reported(self, child: _Child) -> None:
        try:
            content = child.report.recv(4096)
        except OSError:
            content = b""
        if content.startswith(worker.READY):
            child.ready = self._proven = True
            self._tries = 0
            return
        # All else is a child's last word.
        self._selector.unregister(child.report)
        child.report.close()
        child.closed = True
        if content.startswith(worker.FAILED):
            sentence = content[1:].decode("utf-8", "replace")
            if self._proven:
                log(logging.ERROR, "a worker cannot load the model", error=sentence)
            else:
                self._failure = self._failure or sentence
                self._stop()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue  # as the first process of a container we inherit strangers
            while not child.closed:  # its last word may have come since we listened
                self._reported(child)
            if self._stopping_since is None and child.number:
                code = os.waitstatus_to_exitcode(status)
                log(logging.ERROR, "a worker ended and is replaced", pid=pid, exit_code=code)
                wait = min(LONGEST_WAIT_SECONDS, 0.1 * 2**self._tries) if self._tries else 0.0
                self._tries += 1
                self._due[child.number] = time.monotonic() + wait

    def _keep_going(self) -> None:
        if self._stopping_since is not None:
            if time.monotonic() - self._stopping_since > STOP_SECONDS:
                self._signal(signal.SIGKILL)
            return
        if self._loading:
            return
        for number, due in list(self._due.items()):
            if time.monotonic() >= due:
                del self._due[number]
                self._fork_worker(number)
        room = next((child for child in self._children.values() if not child.number), None)
        ready = [child for child in self._children.values() if child.ready]
        if not ready and room is None:
            self._fork_room()
        elif ready and room is not None and not room.told:
            room.told = True
            os.kill(room.pid, signal.SIGTERM)
        elif room is None or room.closed:
            for child in ready:
                if not child.told:
                    child.told = True
                    with suppress(OSError):
                        child.report.send(worker.GO)

    # ---- signals

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            for number in os.read(self._wake_reader, 4096):
                if number == 0:
                    self._loaded()
                elif number != signal.SIGCHLD:
                    self._stop()

    def _stop(self) -> None:
        if self._stopping_since is None:
            self._stopping_since = time.monotonic()
            self._due.clear()
            turn_newcomers_away(self._listener)
            self._signal(signal.SIGTERM)
            self._listener.close()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._children:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _patience(self) -> float | None:
        if self._stopping_since is not None:
            return 1.0
        if not self._due:
            return None
        return max(0.0, min(self._due.values()) - time.monotonic())


def _leave(*_: object) -> None:
    os._exit(0)  # an exception could end up anywhere in a script that loads its model
