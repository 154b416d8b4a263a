"""The one use case: encode, look in the cache, solve in the pool, decode, verify.

Knows families, models and options; knows no HTTP, processes or tensors' insides. Equal puzzles in flight share one solve. A puzzle is prepared first,
which refuses whatever is wrong with it, and run then, so that many can be prepared before the first one runs.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from app.cache.base import Cache
from app.engine.request import HaltReason, Outcome, Request, TraceStep
from app.errors import DeadlineExceeded, Draining, NoWorker, QueueFull, TRMError
from app.metrics import Metrics
from app.model.store import Entry, ModelStore
from app.pool.base import Pool, Watch
from app.preparing import Desk, Options, Prepared
from app.puzzles.base import Family, Puzzle

CacheResult = Literal["hit", "miss", "coalesced", "bypass"]


def is_solved(verified: bool | None, halt_reason: HaltReason) -> bool:
    """Verified; or, where no rule can tell, halted before its deadline."""
    return halt_reason != "deadline" if verified is None else verified


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(ser_json_bytes="hex", val_json_bytes="hex", strict=True, extra="forbid"))
class Answer:
    """What is worth remembering of a solve. All of it is checked on the way in, for a cache may hold anything."""

    cells: bytes
    verified: bool | None
    optimal: bool | None
    steps: Annotated[int, Field(ge=1)]
    attempts: Annotated[int, Field(ge=1)]
    halt_reason: HaltReason
    halt_probability: Annotated[float, Field(ge=0, le=1)]


STORED = TypeAdapter(Answer)
"""How answers are written into the cache and read from it."""
Seen = TypeVar("Seen", Outcome, TraceStep)


@dataclass(frozen=True, slots=True)
class Solution:
    """An answer with how it came about."""

    puzzle: Puzzle
    entry: Entry
    answer: Answer
    cache: CacheResult
    queue_seconds: float = 0.0
    solve_seconds: float = 0.0
    trace: tuple[TraceStep, ...] = ()


@dataclass(slots=True, eq=False)
class Flight:
    """A solve that several clients may wait for; it is given up when the last of them leaves."""

    task: "asyncio.Task[tuple[Outcome, float]]"
    request: Request
    waiters: int = 0

    def carries(self, request: Request) -> bool:
        """Whether an equal request may wait for this one: it ends no later, and does not wait behind those that the request goes before."""
        return self.request.deadline <= request.deadline and self.request.bulk <= request.bulk


class Solver:
    """Solves puzzles; one for the whole service."""

    def __init__(self, families: Mapping[str, Family], store: ModelStore, pool: Pool, cache: Cache, metrics: Metrics) -> None:
        self.families, self.pool, self.cache, self.metrics = families, pool, cache, metrics
        self.desk, self.flights = Desk(families, store), dict[str, Flight]()
        self.draining = False

    async def solve(self, family: str, grid: object, model: str | None, options: Options, puzzle_id: str | None = None) -> Solution:
        """Solve one grid. Raises what `prepare` and `run` raise."""
        return await self.run(self.prepare(family, grid, model, options, puzzle_id))

    def prepare(
        self, family: str, grid: object, model: str | None, options: Options, puzzle_id: str | None = None, *, place: str = "/puzzle", bulk: bool = False
    ) -> Prepared:
        """Read one grid; see `Desk.prepare`, and what it raises. Raises `Draining` before all."""
        if self.draining:
            raise Draining("the service is shutting down", retry_after=self.pool.retry_after())
        return self.desk.prepare(family, grid, model, options, puzzle_id, place=place, bulk=bulk)

    async def run(self, prepared: Prepared, watch: Watch | None = None) -> Solution:
        """Solve a puzzle, telling `watch` each step as it comes; nothing watched or traced comes from the cache. Raises what `Pool.solve` raises."""
        puzzle, entry, request = prepared.puzzle, prepared.entry, replace(prepared.request, watched=watch is not None)
        if prepared.cache == "bypass" or request.trace or watch:
            outcome, queued = await self._run(entry, puzzle, request, watch)
            return self._solution(puzzle, entry, outcome, "bypass", queued)
        key = _key(entry, puzzle, request)
        if prepared.cache == "use" and (answer := await self._cached(key, puzzle, entry)):
            self.metrics.cache_requests.labels("hit").inc()
            return Solution(puzzle, entry, answer, "hit")
        outcome, queued, joined = await self._shared(key, puzzle, entry, request)
        return self._solution(puzzle, entry, outcome, "coalesced" if joined else "miss", queued)

    async def _cached(self, key: str, puzzle: Puzzle, entry: Entry) -> Answer | None:
        """The remembered answer, judged anew: a cache is never trusted with `verified`."""
        with self.metrics.cache_duration.labels("get").time():
            data = await self.cache.get(key)
        try:
            answer = STORED.validate_json(data) if data else None
        except ValidationError:
            return None
        cells = len(self.families[puzzle.family].crop(bytes(entry.manifest.puzzle.cells), puzzle, entry.manifest.puzzle.height, entry.manifest.puzzle.width))
        if answer is None or len(answer.cells) != cells or (answer.verified, answer.optimal) != self._judge(puzzle, answer.cells):
            return None
        return answer

    async def _shared(self, key: str, puzzle: Puzzle, entry: Entry, request: Request) -> tuple[Outcome, float, bool]:
        """Solve, or wait for an equal solve that ends no later than our deadline; True with the outcome of another's."""
        while True:
            flight = self.flights.get(key)
            joined = flight is not None and flight.carries(request)
            if flight is None or not joined:
                flight = self._take_off(key, puzzle, entry, request)
            flight.waiters += 1
            try:
                outcome, queued = await asyncio.shield(flight.task)
                if not joined or outcome.halt_reason != "deadline":
                    self.metrics.coalesced.inc(joined)
                    return outcome, queued, joined
            except DeadlineExceeded:
                if not joined:
                    raise
            except (QueueFull, NoWorker):
                if not (joined and request.bulk):  # which would have waited where the one it joined was refused
                    raise
            finally:
                flight.waiters -= 1
                if not flight.waiters and not flight.task.done():
                    flight.task.cancel()
                    self._land(key, flight)
            # the one we waited for ran out of its time, not of ours

    def _take_off(self, key: str, puzzle: Puzzle, entry: Entry, request: Request) -> Flight:
        flight = Flight(asyncio.create_task(self._solve_and_store(key, puzzle, entry, request)), request)
        self.flights[key] = flight
        flight.task.add_done_callback(lambda _: self._land(key, flight))
        return flight

    def _land(self, key: str, flight: Flight) -> None:
        """Nobody can join this flight any more."""
        if self.flights.get(key) is flight:
            del self.flights[key]

    async def _solve_and_store(self, key: str, puzzle: Puzzle, entry: Entry, request: Request) -> tuple[Outcome, float]:
        outcome, queued = await self._run(entry, puzzle, request)
        if outcome.halt_reason != "deadline":
            with self.metrics.cache_duration.labels("set").time():
                await self.cache.set(key, STORED.dump_json(self._answer(puzzle, outcome)))
        return outcome, queued

    async def _run(self, entry: Entry, puzzle: Puzzle, request: Request, watch: Watch | None = None) -> tuple[Outcome, float]:
        """Solve in the pool and count what came of it; the outcome is the puzzle's own size, and with it come the seconds before its first step."""
        started, outcome = time.monotonic(), "failed"
        try:
            result = await self.pool.solve(entry.name, request, watch and (lambda step: watch(self._cropped(entry, puzzle, step))))
            queued = max(0.0, time.monotonic() - started - result.solve_seconds)
            outcome = "solved" if is_solved(result.verified, result.halt_reason) else "unsolved"
            self._count(entry.name, result, queued)
            trace = tuple(self._cropped(entry, puzzle, step) for step in result.trace)
            return replace(self._cropped(entry, puzzle, result), trace=trace), queued
        except asyncio.CancelledError:
            outcome = "abandoned"
            raise
        except DeadlineExceeded:
            outcome = "expired"
            raise
        except TRMError as error:
            outcome = "rejected" if isinstance(error, QueueFull | NoWorker | Draining) else "failed"
            raise
        finally:
            if outcome != "rejected":
                self.metrics.finished.labels(entry.name, outcome).inc()

    def question(self, prepared: Prepared) -> bytes:
        """The cells of a puzzle as those of its steps are given to a watcher."""
        return self._crop(prepared.entry, prepared.puzzle, prepared.request.cells)

    def _cropped(self, entry: Entry, puzzle: Puzzle, seen: Seen) -> Seen:
        """What is on the model's grid, as on the puzzle's."""
        return replace(seen, cells=self._crop(entry, puzzle, seen.cells))

    def _crop(self, entry: Entry, puzzle: Puzzle, cells: bytes) -> bytes:
        return self.families[puzzle.family].crop(cells, puzzle, *entry.grid(puzzle.height, puzzle.width))

    def _count(self, model: str, outcome: Outcome, queued: float) -> None:
        metrics = self.metrics
        metrics.halting_steps.labels(model, outcome.halt_reason).observe(outcome.steps)
        metrics.attempts.labels(model).observe(outcome.attempts)
        metrics.queue_duration.observe(queued)
        metrics.solve_duration.labels(model).observe(outcome.solve_seconds)
        if outcome.verified is not None:
            metrics.verified.labels(model, str(outcome.verified).lower()).inc()

    def _solution(self, puzzle: Puzzle, entry: Entry, outcome: Outcome, cache: CacheResult, queued: float) -> Solution:
        self.metrics.cache_requests.labels(cache).inc()
        return Solution(puzzle, entry, self._answer(puzzle, outcome), cache, queued, outcome.solve_seconds, outcome.trace)

    def _answer(self, puzzle: Puzzle, outcome: Outcome) -> Answer:
        """What is worth remembering of an outcome, judged once more by the rules."""
        verified, optimal = self._judge(puzzle, outcome.cells)
        return Answer(outcome.cells, verified, optimal, outcome.steps, outcome.attempts, outcome.halt_reason, outcome.halt_probability)

    def _judge(self, puzzle: Puzzle, cells: bytes) -> tuple[bool | None, bool | None]:
        """(verified, optimal): what the rules say of an answer, whoever gave it; None where they say nothing."""
        rules = self.families[puzzle.family].rules(puzzle.height, puzzle.width)
        if not rules.verifiable:
            return None, None
        question, answer = puzzle.tokens[None], np.frombuffer(cells, dtype=np.uint8)[None]
        optimal = rules.optimal(question, answer)
        return bool(rules.violations(question, answer)[0] == 0), None if optimal is None else bool(optimal[0])


def _key(entry: Entry, puzzle: Puzzle, request: Request) -> str:
    """What decides the answer: the puzzle as it was sent, the weights, and the options that can change it."""
    parts = (entry.name, entry.version, request.halt, request.max_steps, request.attempts, puzzle.height, puzzle.width, puzzle.cells.hex(), request.copies)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()
