"""`Client`: the API for programs without an event loop. Sends what `calls` makes, and decides nothing itself."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self, TypeVar, Unpack

import httpx

from app.client import calls, transport
from app.client.errors import ClientError
from app.client.puzzles import Grid, JobOptions, OnError, Options, Puzzle
from app.client.results import Answer, Job, Model, Result, Step
from app.client.retries import Retries

T = TypeVar("T")


class Client:
    """One service; any number of threads may share a client. Every method raises a `ClientError`.

    `timeout` is in seconds, to connect and for an answer beyond the deadline of its puzzles (`timeout_ms`). Further options are those of `httpx.Client`.
    """

    def __init__(
        self, base_url: str = "http://127.0.0.1:8000", *, api_key: str | None = None, timeout: float = 5.0, retries: Retries | None = None, **options: Any
    ) -> None:
        self.timeout, self.retries = timeout, retries or Retries()
        with transport.translated():
            self.http = httpx.Client(**transport.settings(base_url, api_key, timeout, options))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.http.close()

    def solve(self, puzzle: Grid | Puzzle, *, model: str | None = None, **options: Unpack[Options]) -> Answer:
        """The answer to one puzzle, solved or not."""
        return self._call(calls.solve(puzzle, model, options))

    def batch(self, puzzles: Iterable[Grid | Puzzle], *, model: str | None = None, **options: Unpack[Options]) -> list[Result]:
        """The answers to many puzzles in their order, a `Problem` in place of each that there is none to."""
        return self._call(calls.batch(puzzles, model, options))

    def each(
        self, puzzles: Iterable[Grid | Puzzle], *, model: str | None = None, **options: Unpack[Options]
    ) -> AbstractContextManager[Iterator[tuple[int, Result]]]:
        """The same as each halts, with its index: `with client.each(puzzles) as found`, then `for index, result in found`. Leaving it ends it."""
        return self._stream(calls.each(puzzles, model, options))

    def stream(self, puzzle: Grid | Puzzle, *, model: str | None = None, **options: Unpack[Options]) -> AbstractContextManager[Iterator[Step | Answer]]:
        """Each `Step` of one puzzle as the model takes it, then the `Answer`: `with client.stream(puzzle) as steps`. Leaving it ends the solve."""
        return self._stream(calls.stream(puzzle, model, options))

    def submit(
        self,
        puzzles: Iterable[Grid | Puzzle],
        *,
        model: str | None = None,
        key: str | None = None,
        on_error: OnError = "stop",
        **options: Unpack[JobOptions],
    ) -> Job:
        """Hand over many puzzles, to be solved when no single one waits. The same puzzles with the same idempotency `key` are found, not handed over again."""
        return self._call(calls.submit(puzzles, model, key, on_error, options))

    def job(self, identity: str) -> Job:
        """How far a job has come."""
        return self._call(calls.job(identity))

    def wait(self, identity: str, *, every: float = 0.5) -> Job:
        """The same once it has ended, which is looked at `every` so many seconds."""
        while not (found := self.job(identity)).ended:
            time.sleep(every)
        return found

    def cancel(self, identity: str) -> Job:
        """Have no more puzzles of a job begun; its results stay."""
        return self._call(calls.cancel(identity))

    def results(self, identity: str, *, after: int = 0) -> AbstractContextManager[Iterator[tuple[int, Result]]]:
        """The results that a job has by now, but the first `after`, as `each` gives them, in the order in which they came, which never changes."""
        return self._stream(calls.job_results(identity, after))

    def models(self) -> list[Model]:
        """All models that are served."""
        return self._call(calls.models())

    def model(self, name: str) -> Model:
        """One of them."""
        return self._call(calls.model(name))

    def _call(self, call: calls.Call[T]) -> T:
        def attempt() -> bytes:
            response = self.http.request(**transport.sent(call.request, self.timeout))
            transport.checked(response)
            return response.content

        return call.read(self._tried(attempt))

    @contextmanager
    def _stream(self, stream: calls.Stream[T]) -> Iterator[Iterator[T]]:
        def attempt() -> httpx.Response:
            sent = transport.sent(stream.request, self.timeout)
            response = self.http.send(self.http.build_request(**sent), stream=True)
            if not response.is_success:
                response.read()
                transport.checked(response)
            return response

        response = self._tried(attempt)
        try:
            yield self._values(response, calls.Lines(stream.decoder()))
        finally:
            response.close()

    def _values(self, response: httpx.Response, lines: calls.Lines[T]) -> Iterator[T]:
        with transport.translated():
            for chunk in response.iter_bytes():
                yield from lines.feed(chunk)
        lines.end()

    def _tried(self, attempt: Callable[[], T]) -> T:
        """The outcome of an attempt, made again as often as `retries` says."""
        tried = 0
        while True:
            try:
                with transport.translated():
                    return attempt()
            except ClientError as error:
                pause = self.retries.pause(tried, error)
                if pause is None:
                    raise
            tried += 1
            time.sleep(pause)
