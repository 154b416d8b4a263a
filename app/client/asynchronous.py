"""`AsyncClient`: the API for programs with an event loop. Sends what `calls` makes, and decides nothing itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self, TypeVar, Unpack

import httpx

from app.client import calls, transport
from app.client.errors import ClientError
from app.client.puzzles import Grid, JobOptions, OnError, Options, Puzzle
from app.client.results import Answer, Job, Model, Result, Step
from app.client.retries import Retries

T = TypeVar("T")


class AsyncClient:
    """One service; the methods of `Client`, to be awaited. Cancelling one ends what it asked for. Every method raises a `ClientError`.

    `timeout` is in seconds, to connect and for an answer beyond the deadline of its puzzles (`timeout_ms`). Further options are those of `httpx.AsyncClient`.
    """

    def __init__(
        self, base_url: str = "http://127.0.0.1:8000", *, api_key: str | None = None, timeout: float = 5.0, retries: Retries | None = None, **options: Any
    ) -> None:
        self.timeout, self.retries = timeout, retries or Retries()
        with transport.translated():
            self.http = httpx.AsyncClient(**transport.settings(base_url, api_key, timeout, options))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.http.aclose()

    async def solve(self, puzzle: Grid | Puzzle, *, model: str | None = None, **options: Unpack[Options]) -> Answer:
        """The answer to one puzzle, solved or not."""
        return await self._call(calls.solve(puzzle, model, options))

    async def batch(self, puzzles: Iterable[Grid | Puzzle], *, model: str | None = None, **options: Unpack[Options]) -> list[Result]:
        """The answers to many puzzles in their order, a `Problem` in place of each that there is none to."""
        return await self._call(calls.batch(puzzles, model, options))

    def each(
        self, puzzles: Iterable[Grid | Puzzle], *, model: str | None = None, **options: Unpack[Options]
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[int, Result]]]:
        """The same as each halts, with its index: `async with client.each(puzzles) as found`, then `async for index, result in found`. Leaving it ends it."""
        return self._stream(calls.each(puzzles, model, options))

    def stream(
        self, puzzle: Grid | Puzzle, *, model: str | None = None, **options: Unpack[Options]
    ) -> AbstractAsyncContextManager[AsyncIterator[Step | Answer]]:
        """Each `Step` of one puzzle as the model takes it, then the `Answer`: `async with client.stream(puzzle) as steps`. Leaving it ends the solve."""
        return self._stream(calls.stream(puzzle, model, options))

    async def submit(
        self,
        puzzles: Iterable[Grid | Puzzle],
        *,
        model: str | None = None,
        key: str | None = None,
        on_error: OnError = "stop",
        **options: Unpack[JobOptions],
    ) -> Job:
        """Hand over many puzzles, to be solved when no single one waits. The same puzzles with the same idempotency `key` are found, not handed over again."""
        return await self._call(calls.submit(puzzles, model, key, on_error, options))

    async def job(self, identity: str) -> Job:
        """How far a job has come."""
        return await self._call(calls.job(identity))

    async def wait(self, identity: str, *, every: float = 0.5) -> Job:
        """The same once it has ended, which is looked at `every` so many seconds."""
        while not (found := await self.job(identity)).ended:  # noqa: ASYNC110  # the service tells nobody by itself
            await asyncio.sleep(every)
        return found

    async def cancel(self, identity: str) -> Job:
        """Have no more puzzles of a job begun; its results stay."""
        return await self._call(calls.cancel(identity))

    def results(self, identity: str, *, after: int = 0) -> AbstractAsyncContextManager[AsyncIterator[tuple[int, Result]]]:
        """The results that a job has by now, but the first `after`, as `each` gives them, in the order in which they came, which never changes."""
        return self._stream(calls.job_results(identity, after))

    async def models(self) -> list[Model]:
        """All models that are served."""
        return await self._call(calls.models())

    async def model(self, name: str) -> Model:
        """One of them."""
        return await self._call(calls.model(name))

    async def _call(self, call: calls.Call[T]) -> T:
        async def attempt() -> bytes:
            response = await self.http.request(**transport.sent(call.request, self.timeout))
            transport.checked(response)
            return response.content

        return call.read(await self._tried(attempt))

    @asynccontextmanager
    async def _stream(self, stream: calls.Stream[T]) -> AsyncIterator[AsyncIterator[T]]:
        async def attempt() -> httpx.Response:
            sent = transport.sent(stream.request, self.timeout)
            response = await self.http.send(self.http.build_request(**sent), stream=True)
            if not response.is_success:
                await response.aread()
                transport.checked(response)
            return response

        response = await self._tried(attempt)
        try:
            yield self._values(response, calls.Lines(stream.decoder()))
        finally:
            await response.aclose()

    async def _values(self, response: httpx.Response, lines: calls.Lines[T]) -> AsyncIterator[T]:
        with transport.translated():
            async for chunk in response.aiter_bytes():
                for value in lines.feed(chunk):
                    yield value
        lines.end()

    async def _tried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The outcome of an attempt, made again as often as `retries` says."""
        tried = 0
        while True:
            try:
                with transport.translated():
                    return await attempt()
            except ClientError as error:
                pause = self.retries.pause(tried, error)
                if pause is None:
                    raise
            tried += 1
            await asyncio.sleep(pause)
