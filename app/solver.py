"""The one use case: encode, look in the cache, solve in the pool, decode, verify, remember.

Knows families, models and options; knows no HTTP, processes or tensors' insides. Equal puzzles in flight share one solve. A puzzle is prepared first,
which refuses whatever is wrong with it, and run then, so that what is wrong with it is known before a worker has it.
"""

import asyncio
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from app.answers import Answer, Keep, Question, is_solved
from app.cache.base import Cache
from app.engine.request import Outcome, Request, TraceStep
from app.errors import DeadlineExceeded, Draining, NoWorker, QueueFull, TRMError
from app.metrics import Metrics
from app.model.store import Entry, ModelStore
from app.pool.base import Pool, Watch
from app.preparing import Desk, Options, Prepared
from app.puzzles.base import Family, Puzzle
from app.tracing import solves
from app.tracing.base import Tracer

CacheResult = Literal["hit", "miss", "coalesced", "bypass"]
Seen = TypeVar("Seen", Outcome, TraceStep)


class Solution(NamedTuple):
    """An answer with how it came about."""

    puzzle: Puzzle
    entry: Entry
    answer: Answer
    cache: CacheResult
    queue_seconds: float = 0.0
    solve_seconds: float = 0.0
    trace: tuple[TraceStep, ...] = ()

    @property
    def status(self) -> Literal["solved", "unsolved"]:
        """What the client is told that came of it."""
        return "solved" if is_solved(self.answer.verified, self.answer.halt_reason) else "unsolved"


@dataclass(slots=True, eq=False)
class Flight:
    """A solve that several clients may wait for; it is given up when the last of them leaves."""

    task: "asyncio.Task[tuple[Outcome, float]]"
    request: Request
    origin: object = None
    """The span of the one who began it, where there is a tracer."""
    waiters: int = 0

    def carries(self, request: Request) -> bool:
        """Whether an equal request may wait for this one: it ends no later, and does not wait behind those that the request goes before."""
        return self.request.deadline <= request.deadline and self.request.bulk <= request.bulk


class Solver:
    """Solves puzzles; one for the whole service."""

    def __init__(
        self, families: Mapping[str, Family], store: ModelStore, pool: Pool, cache: Cache, metrics: Metrics, keep: Keep, tracer: Tracer | None = None
    ) -> None:
        self.families, self.pool, self.cache, self.metrics, self.keep, self.tracer = families, pool, cache, metrics, keep, tracer
        self.desk, self.flights, self.storing = Desk(families, store), dict[Hashable, Flight](), set[asyncio.Task[None]]()
        self.draining = False

    async def close(self) -> None:
        """Let the answers be stored that still are, and close the cache. The pool is closed by whoever started it."""
        if self.storing:
            await asyncio.wait(self.storing)
        await self.cache.close()

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
        if self.tracer is None or not self.tracer.wanted():
            return await self._solved(prepared, prepared.request, watch)
        with solves.solving(self.tracer, prepared) as span:
            solution = await self._solved(prepared, prepared.request._replace(timed=True), watch)
            answer = solution.answer
            span.describe({"trm.cache": solution.cache, "trm.steps": answer.steps, "trm.attempts": answer.attempts, "trm.halt_reason": answer.halt_reason})
            return solution

    async def _solved(self, prepared: Prepared, request: Request, watch: Watch | None) -> Solution:
        puzzle, entry = prepared.puzzle, prepared.entry
        if prepared.cache == "bypass" or request.trace or watch:
            outcome, queued = await self._run(entry, puzzle, request._replace(watched=True) if watch else request, watch)
            return self._solution(puzzle, entry, outcome, "bypass", queued)
        question = self._question(entry, puzzle, request)
        if prepared.cache == "use" and (answer := await self._cached(question)):
            self.metrics.cache_requests.inc("hit")
            return Solution(puzzle, entry, answer, "hit")
        outcome, queued, joined = await self._shared(question)
        return self._solution(puzzle, entry, outcome, "coalesced" if joined else "miss", queued)

    def _question(self, entry: Entry, puzzle: Puzzle, request: Request) -> Question:
        """What is asked, with the form that its symmetric copies share: one who waits for a verified answer is served by that of any copy."""
        rules = self.families[puzzle.family].rules(puzzle.height, puzzle.width)
        return Question(entry, puzzle, request, rules.canonical(puzzle.tokens) if request.halt == "verified" else None)

    async def _cached(self, question: Question) -> Answer | None:
        """The remembered answer, judged anew: a cache is never trusted with `verified`."""
        puzzle, shape = question.puzzle, question.entry.manifest.puzzle
        started = time.monotonic()
        try:
            data = await self.cache.get(question.key)
        finally:
            self.metrics.cache_duration.observe(time.monotonic() - started, "get")
        if self.tracer is not None:
            solves.looked_up(self.tracer, started, found=data is not None)
        if not data:
            return None
        try:
            answer = question.read(data, len(self.families[puzzle.family].crop(bytes(shape.cells), puzzle, shape.height, shape.width)))
            right = answer is None or (answer.verified, answer.optimal) == self._judge(puzzle, answer.cells)
        except ValueError:
            right = False
        if not right:
            self.metrics.cache_errors.inc("value")
        return answer if right else None

    async def _shared(self, question: Question) -> tuple[Outcome, float, bool]:
        """Solve, or wait for an equal solve that ends no later than our deadline; True with the outcome of another's."""
        while True:
            started = time.monotonic()
            flight = self.flights.get(question.flight)
            joined = flight is not None and flight.carries(question.request)
            if flight is None or not joined:
                flight = self._take_off(question)
            flight.waiters += 1
            try:
                outcome, queued = await asyncio.shield(flight.task)
                if not joined or outcome.halt_reason != "deadline":
                    if joined:
                        self._count_joined(started, flight)
                    return outcome, queued, joined
            except DeadlineExceeded:
                if not joined:
                    raise
            except (QueueFull, NoWorker):
                if not (joined and question.request.bulk):  # which would have waited where the one it joined was refused
                    raise
            finally:
                flight.waiters -= 1
                if not flight.waiters and not flight.task.done():
                    flight.task.cancel()
                    self._land(question, flight)
            # the one we waited for ran out of its time, not of ours

    def _count_joined(self, started: float, flight: Flight) -> None:
        self.metrics.coalesced.inc()
        if self.tracer is not None:
            solves.joined(self.tracer, started, flight.origin)

    def _take_off(self, question: Question) -> Flight:
        origin = None if self.tracer is None else self.tracer.here()
        flight = Flight(asyncio.create_task(self._solve_and_store(question)), question.request, origin)
        self.flights[question.flight] = flight
        flight.task.add_done_callback(lambda _: self._land(question, flight))
        return flight

    def _land(self, question: Question, flight: Flight) -> None:
        """Nobody can join this flight any more."""
        if self.flights.get(question.flight) is flight:
            del self.flights[question.flight]

    async def _solve_and_store(self, question: Question) -> tuple[Outcome, float]:
        outcome, queued = await self._run(question.entry, question.puzzle, question.request)
        if outcome.halt_reason != "deadline":
            storing = asyncio.create_task(self._store(question, self._answer(question.puzzle, outcome)))
            self.storing.add(storing)
            storing.add_done_callback(self.storing.discard)
        return outcome, queued

    async def _store(self, question: Question, answer: Answer) -> None:
        """Remember an answer; nobody waits for this but `close`."""
        started = time.monotonic()
        try:
            await self.cache.set(question.key, question.write(answer), self.keep.seconds(answer))
        finally:
            self.metrics.cache_duration.observe(time.monotonic() - started, "set")

    async def _run(self, entry: Entry, puzzle: Puzzle, request: Request, watch: Watch | None = None) -> tuple[Outcome, float]:
        """Solve in the pool and count what came of it; the outcome is the puzzle's own size, and with it come the seconds before its first step."""
        started, outcome, result = time.monotonic(), "failed", None
        try:
            result = await self.pool.solve(entry.name, request, watch and (lambda step: watch(self._cropped(entry, puzzle, step))))
            queued = max(0.0, time.monotonic() - started - result.solve_seconds)
            outcome = "solved" if is_solved(result.verified, result.halt_reason) else "unsolved"
            self._count(entry.name, result, queued)
            if result.trace:
                result = result._replace(trace=tuple(self._cropped(entry, puzzle, step) for step in result.trace))
            return self._cropped(entry, puzzle, result), queued
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
                self.metrics.finished.inc(entry.name, outcome)
            if self.tracer is not None:
                solves.ran(self.tracer, started, result, outcome)

    def question(self, prepared: Prepared) -> bytes:
        """The cells of a puzzle as those of its steps are given to a watcher."""
        return self._crop(prepared.entry, prepared.puzzle, prepared.request.cells)

    def _cropped(self, entry: Entry, puzzle: Puzzle, seen: Seen) -> Seen:
        """What is on the model's grid, as on the puzzle's."""
        cells = self._crop(entry, puzzle, seen.cells)
        return seen if cells is seen.cells else seen._replace(cells=cells)

    def _crop(self, entry: Entry, puzzle: Puzzle, cells: bytes) -> bytes:
        return self.families[puzzle.family].crop(cells, puzzle, *entry.grid(puzzle.height, puzzle.width))

    def _count(self, model: str, outcome: Outcome, queued: float) -> None:
        metrics = self.metrics
        metrics.halting_steps.observe(outcome.steps, model, outcome.halt_reason)
        metrics.attempts.observe(outcome.attempts, model)
        metrics.queue_duration.observe(queued)
        metrics.solve_duration.observe(outcome.solve_seconds, model)
        if outcome.verified is not None:
            metrics.verified.inc(model, str(outcome.verified).lower())

    def _solution(self, puzzle: Puzzle, entry: Entry, outcome: Outcome, cache: CacheResult, queued: float) -> Solution:
        self.metrics.cache_requests.inc(cache)
        return Solution(puzzle, entry, self._answer(puzzle, outcome), cache, queued, outcome.solve_seconds, outcome.trace)

    def _answer(self, puzzle: Puzzle, outcome: Outcome) -> Answer:
        """What is worth remembering of an outcome, judged once more by the rules."""
        verified, optimal = self._judge(puzzle, outcome.cells)
        return Answer(outcome.cells, verified, optimal, outcome.steps, outcome.attempts, outcome.halt_reason, outcome.halt_probability)

    def _judge(self, puzzle: Puzzle, cells: bytes) -> tuple[bool | None, bool | None]:
        """(verified, optimal): what the rules say of an answer, whoever gave it; None where they say nothing."""
        return self.families[puzzle.family].rules(puzzle.height, puzzle.width).judged(puzzle.cells, cells)
