"""The one use case: encode, look in the cache, solve in the pool, decode, verify, remember.

Knows families, models and options; knows no HTTP, processes or tensors' insides. Equal puzzles in flight share one solve.
"""

import asyncio
import time
import uuid
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import numpy as np

from app.answers import Answer, Keep, Question, is_solved
from app.cache.base import Cache
from app.engine.request import Copy, Halt, Outcome, Request, TraceStep
from app.errors import DeadlineExceeded, Draining, FieldError, InvalidRequest, NoWorker, QueueFull, TRMError, UnknownPuzzle, shown
from app.metrics import Metrics
from app.model.identifiers import IDENTIFIERS
from app.model.store import Entry, ModelStore
from app.pool.base import Pool
from app.puzzles.base import Family, Puzzle

CacheUse = Literal["use", "refresh", "bypass"]
CacheResult = Literal["hit", "miss", "coalesced", "bypass"]
MOST_NAMED = 5
"""Puzzle ids that one sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a client may choose; None means the model's default. `timeout` is in seconds."""

    halt: Halt | None = None
    max_steps: int | None = None
    attempts: int | None = None
    timeout: float = 10.0
    trace: bool = False
    cache: CacheUse = "use"


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
    deadline: float
    waiters: int = 0


class Solver:
    """Solves puzzles; one for the whole service."""

    def __init__(self, families: Mapping[str, Family], store: ModelStore, pool: Pool, cache: Cache, metrics: Metrics, keep: Keep) -> None:
        self.families, self.store, self.pool, self.cache, self.metrics, self.keep = families, store, pool, cache, metrics, keep
        self.flights: dict[Hashable, Flight] = {}
        self.storing: set[asyncio.Task[None]] = set()
        self.draining = False

    async def solve(self, family: str, grid: object, model: str | None, options: Options, puzzle_id: str | None = None) -> Solution:
        """Solve one grid. Raises `InvalidRequest`, `UnknownModel`, `UnknownPuzzle`, and what `Pool.solve` raises."""
        if self.draining:
            raise Draining("the service is shutting down", retry_after=self.pool.retry_after())
        puzzle = self.families[family].parse(grid)
        self._check_id(family, puzzle_id)
        entry = self.store.resolve(model, family, puzzle.height, puzzle.width, puzzle_id)
        request = self._request(entry, puzzle, options, puzzle_id)
        if options.cache == "bypass" or options.trace:
            outcome, queued = await self._run(entry, puzzle, request)
            return self._solution(puzzle, entry, outcome, "bypass", queued)
        question = self._question(entry, puzzle, request)
        if options.cache == "use" and (answer := await self._cached(question)):
            self.metrics.cache_requests.labels("hit").inc()
            return Solution(puzzle, entry, answer, "hit")
        outcome, queued, joined = await self._shared(question)
        return self._solution(puzzle, entry, outcome, "coalesced" if joined else "miss", queued)

    async def close(self) -> None:
        """Let the answers be stored that still are, and close the cache. The pool is closed by whoever started it."""
        if self.storing:
            await asyncio.wait(self.storing)
        await self.cache.close()

    def _check_id(self, family: str, puzzle_id: str | None) -> None:
        """Raise `InvalidRequest` unless there is an id exactly where puzzles have one."""
        if (puzzle_id is not None) != self.families[family].named:
            needed = f"{family} needs a puzzle_id: a model answers the tasks that it was trained on, by name"
            detail = needed if puzzle_id is None else f"{family} puzzles have no puzzle_id"
            raise InvalidRequest(detail, fields=(FieldError("/puzzle/puzzle_id", detail),))

    def _request(self, entry: Entry, puzzle: Puzzle, options: Options, puzzle_id: str | None) -> Request:
        """Fill in the model's defaults. Raises `InvalidRequest` for options beyond its limits, `UnknownPuzzle` for an id it was not trained on."""
        defaults, limits = entry.manifest.defaults, entry.manifest.limits
        for name in ("max_steps", "attempts"):
            value, most = getattr(options, name), getattr(limits, name)
            if value is not None and not 1 <= value <= most:
                raise _refused(name, f"{name} is 1 to {most} for {entry.name}, not {value}")
        verifiable = self.families[puzzle.family].rules(puzzle.height, puzzle.width).verifiable
        if options.halt == "verified" and not verifiable:
            raise _refused("halt", f"no rule can verify {puzzle.family}; use learned or never")
        attempts = options.attempts or defaults.attempts
        copies = _copies(entry, puzzle_id, attempts)
        return Request(
            id=uuid.uuid4().hex,
            cells=self.families[puzzle.family].place(puzzle, *entry.grid(puzzle.height, puzzle.width)),
            halt=options.halt or defaults.halt,
            max_steps=options.max_steps or defaults.max_steps,
            attempts=len(copies) or attempts,
            deadline=time.monotonic() + options.timeout,
            trace=options.trace,
            copies=copies,
        )

    def _question(self, entry: Entry, puzzle: Puzzle, request: Request) -> Question:
        """What is asked, with the form that its symmetric copies share: one who waits for a verified answer is served by that of any copy."""
        rules = self.families[puzzle.family].rules(puzzle.height, puzzle.width)
        return Question(entry, puzzle, request, rules.canonical(puzzle.tokens) if request.halt == "verified" else None)

    async def _cached(self, question: Question) -> Answer | None:
        """The remembered answer, judged anew: a cache is never trusted with `verified`."""
        puzzle, shape = question.puzzle, question.entry.manifest.puzzle
        with self.metrics.cache_duration.labels("get").time():
            data = await self.cache.get(question.key)
        if not data:
            return None
        try:
            answer = question.read(data, len(self.families[puzzle.family].crop(bytes(shape.cells), puzzle, shape.height, shape.width)))
            right = answer is None or (answer.verified, answer.optimal) == self._judge(puzzle, answer.cells)
        except ValueError:
            right = False
        if not right:
            self.metrics.cache_errors.labels("value").inc()
        return answer if right else None

    async def _shared(self, question: Question) -> tuple[Outcome, float, bool]:
        """Solve, or wait for an equal solve that ends no later than our deadline; True with the outcome of another's."""
        while True:
            flight = self.flights.get(question.flight)
            joined = flight is not None and flight.deadline <= question.request.deadline
            if flight is None or not joined:
                flight = self._take_off(question)
            flight.waiters += 1
            try:
                outcome, queued = await asyncio.shield(flight.task)
                if not joined or outcome.halt_reason != "deadline":
                    self.metrics.coalesced.inc(joined)
                    return outcome, queued, joined
            except DeadlineExceeded:
                if not joined:
                    raise
            finally:
                flight.waiters -= 1
                if not flight.waiters and not flight.task.done():
                    flight.task.cancel()
                    self._land(question, flight)
            # the one we waited for ran out of its time, not of ours

    def _take_off(self, question: Question) -> Flight:
        flight = Flight(asyncio.create_task(self._solve_and_store(question)), question.request.deadline)
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
        with self.metrics.cache_duration.labels("set").time():
            await self.cache.set(question.key, question.write(answer), self.keep.seconds(answer))

    async def _run(self, entry: Entry, puzzle: Puzzle, request: Request) -> tuple[Outcome, float]:
        """Solve in the pool and count what came of it; the outcome is the puzzle's own size, and with it come the seconds before its first step."""
        started, outcome = time.monotonic(), "failed"
        try:
            result = await self.pool.solve(entry.name, request)
            queued = max(0.0, time.monotonic() - started - result.solve_seconds)
            outcome = "solved" if is_solved(result.verified, result.halt_reason) else "unsolved"
            self._count(entry.name, result, queued)
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
                self.metrics.finished.labels(entry.name, outcome).inc()

    def _cropped(self, entry: Entry, puzzle: Puzzle, outcome: Outcome) -> Outcome:
        """An outcome on the model's grid, as one on the puzzle's."""
        grid, family = entry.grid(puzzle.height, puzzle.width), self.families[puzzle.family]
        trace = tuple(replace(step, cells=family.crop(step.cells, puzzle, *grid)) for step in outcome.trace)
        return replace(outcome, cells=family.crop(outcome.cells, puzzle, *grid), trace=trace)

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


def _refused(option: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, fields=(FieldError(f"/options/{option}", detail),))


def _copies(entry: Entry, puzzle_id: str | None, most: int) -> tuple[Copy, ...]:
    """The trained copies of a puzzle that its attempts run on, at most so many; none where puzzles have no ids."""
    if puzzle_id is None:
        return ()
    known = entry.identifiers
    if known is None:
        raise UnknownPuzzle(f"{entry.name} knows no puzzle ids: it was imported without its {IDENTIFIERS}, so no puzzle can be named")
    if puzzle_id not in known:
        some = ", ".join(islice(known, MOST_NAMED))
        raise UnknownPuzzle(
            f"{entry.name} was not trained on {shown(puzzle_id)}, and such a model answers only the tasks that it was trained on; it knows "
            f"{len(known.rows)} puzzle ids, such as {some}; GET /v1/models/{entry.name} lists them"
        )
    return tuple(Copy(row, name) for row, name in known.copies(puzzle_id, most))
