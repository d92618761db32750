"""Which requests are predicted together, and where.

Small requests of a fast model run on the event loop. Those that arrive in the same turn of the
loop, which is as long as the model took for the ones before, become one batch: nobody waits for a
timer, and a lone request is a batch of one. Everything else runs on one thread; what is queued
while it is busy is the next batch.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from inference_server.errors import RequestError
from inference_server.exchange import Exchange
from inference_server.models.base import Answer, BatchPredictor, Predictor, Request
from inference_server.streaming import Patience, pump

Outcome = Answer | Exception
Done = Callable[[Sequence[Exchange], Sequence[Outcome]], None]

BATCH_BYTES = 1024**2  # larger ones gain nothing from company, and would make it wait


class Dispatcher:
    """Runs a predictor for exchanges and calls `done` with a batch and each one's outcome."""

    def __init__(
        self,
        predictor: Predictor,
        loop: asyncio.AbstractEventLoop,
        *,
        most: int,
        seconds: float,
        done: Done,
        stuck: Callable[[], None],
    ) -> None:
        self._predictor = predictor
        self._many = predictor if isinstance(predictor, BatchPredictor) and most > 1 else None
        self._most = most if self._many else 1
        self._loop = loop
        self._seconds = seconds
        self._done = done
        self._stuck = stuck
        self._inline: deque[Exchange] = deque()
        self._inline_scheduled = False
        self._queued: deque[Exchange] = deque()
        self._running: list[Exchange] | None = None
        self._closing = False
        # One thread: user scripts expect, as in SageMaker's own servers, to be alone in a process.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")

    def submit(self, exchange: Exchange) -> None:
        """Have the exchange answered."""
        if len(exchange.body) <= self._predictor.inline_bytes:
            self._inline.append(exchange)
            if not self._inline_scheduled:
                self._inline_scheduled = True
                # Runs when every socket that can be read now has been.
                self._loop.call_soon(self._run_inline)
        else:
            self._queued.append(exchange)
            if self._running is None:
                self._start()

    def close(self) -> None:
        """Answer what is queued; then the thread ends."""
        self._closing = True
        if self._running is None:
            self._thread.shutdown(wait=False)

    def _run_inline(self) -> None:
        batch = self._take(self._inline)
        try:
            self._answer(batch, self._predict(batch))
        finally:
            self._inline_scheduled = bool(self._inline)
            if self._inline_scheduled:
                self._loop.call_soon(self._run_inline)

    def _start(self) -> None:
        batch = self._take(self._queued)
        if not batch:
            if self._closing:
                self._thread.shutdown(wait=False)
            return
        self._running = batch
        patience = Patience(self._loop, self._seconds, lambda: self._overdue(batch, patience))

        def finished(outcomes: list[Outcome]) -> None:
            patience.cancel()
            if self._running is not batch:
                return  # given up on long ago
            self._running = None
            self._answer(batch, outcomes)
            if self._running is None:
                self._start()

        def run() -> None:
            outcomes = self._predict(batch)
            for exchange, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Answer) and outcome.chunks is not None:
                    pump(exchange, outcome, self._loop, patience)
            self._loop.call_soon_threadsafe(finished, outcomes)

        self._thread.submit(run)

    def _take(self, queue: deque[Exchange]) -> list[Exchange]:
        batch: list[Exchange] = []
        size = 0
        while queue and len(batch) < self._most:
            length = len(queue[0].body)
            if batch and size + length > BATCH_BYTES:
                break
            size += length
            exchange = queue.popleft()
            if exchange.connection.transport is not None:  # not gone: a call less
                batch.append(exchange)
        return batch

    def _predict(self, batch: list[Exchange]) -> list[Outcome]:
        if self._many is not None:
            try:
                return self._many.answer_many(batch)
            except Exception as error:  # noqa: BLE001  goes to the caller, and to the log
                if len(batch) == 1:
                    return [error]
        # Also a batch that failed: only the request that is to blame shall.
        return [self._alone(request) for request in batch]

    def _alone(self, request: Request) -> Outcome:
        try:
            return self._predictor.answer(request)
        except RequestError as error:
            return error.bare()
        except Exception as error:  # noqa: BLE001  goes to the caller, and to the log
            return error

    def _overdue(self, batch: list[Exchange], patience: Patience) -> None:
        self._running = []
        late: Outcome = TimeoutError(f"no answer after {self._seconds:g} s")
        if patience.streams:  # what has begun cannot become a 504, but in the log
            for exchange in batch:
                exchange.end_chunks(complete=False)
            late = Answer(b"the answer came to a halt", "text/plain", 504, chunks=iter(()))
        # Before the answer, which so says that the connection closes: nobody is served here again.
        self._stuck()
        self._answer(batch, [late] * len(batch))

    def _answer(self, batch: Sequence[Exchange], outcomes: Sequence[Outcome]) -> None:
        try:
            self._done(batch, outcomes)
        except Exception:
            # Whatever it was, those that wait are served all the same.
            logging.getLogger(__name__).exception("what was answered could not be told")
