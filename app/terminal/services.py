"""Where `trm solve` gets its answers: a solver in this process, or a service that runs elsewhere. Both answer in the contract's form. Draws nothing."""

import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from app.answers import Keep
from app.api.answers import answer, options, told
from app.api.schemas import OptionsIn, PuzzleIn, SolveOut, StepOut
from app.cache.memory import MemoryCache
from app.errors import InvalidRequest, NotFound, Unavailable
from app.metrics import Metrics
from app.model.store import MANIFEST, ModelStore
from app.pool.local import LocalPool
from app.pool.messages import WorkerSpec
from app.preparing import Desk
from app.puzzles.families import FAMILIES
from app.solver import Solver
from app.watching import watching

if TYPE_CHECKING:
    from app.client import AsyncClient, Options, Puzzle

AT_ONCE = 32
"""Puzzles that are solved at the same time."""


class Service(Protocol):
    """Solves puzzles. Raises `TRMError`."""

    async def solve(self, puzzle: PuzzleIn) -> SolveOut:
        """The answer to one puzzle."""

    def watch(self, puzzle: PuzzleIn) -> AsyncIterator[StepOut | SolveOut]:
        """Every step of one puzzle, then the answer."""


@contextmanager
def numbered(index: int, count: int) -> Iterator[None]:
    """Says of which of many puzzles an error is."""
    try:
        yield
    except (InvalidRequest, NotFound) as error:
        if count == 1:
            raise
        raise type(error)(f"puzzle {index + 1}: {error.detail}") from error


@dataclass(frozen=True, slots=True)
class Here:
    """A solver in this process, its worker a thread."""

    solver: Solver
    model: str | None
    options: OptionsIn

    async def solve(self, puzzle: PuzzleIn) -> SolveOut:
        """See `Service`."""
        started = time.perf_counter()
        solution = await self.solver.solve(puzzle.type, puzzle.grid, self.model, options(self.options), puzzle.puzzle_id)
        return answer(solution, FAMILIES[puzzle.type], puzzle.grid, uuid.uuid4().hex, started)

    async def watch(self, puzzle: PuzzleIn) -> AsyncIterator[StepOut | SolveOut]:
        """See `Service`."""
        started = time.perf_counter()
        prepared = self.solver.prepare(puzzle.type, puzzle.grid, self.model, options(self.options), puzzle.puzzle_id)
        async with watching(self.solver, prepared) as watch:
            async for each in told(watch, FAMILIES[puzzle.type], puzzle.grid, self.solver.question(prepared), uuid.uuid4().hex, started):
                yield each


@asynccontextmanager
async def here(puzzles: Sequence[PuzzleIn], model: str | None, chosen: OptionsIn, folder: Path) -> AsyncIterator[Service]:
    """A solver that has started the models that read these puzzles. Raises what is wrong with a puzzle before it starts anything."""
    named = (model,) if model and (folder / model / MANIFEST).is_file() else ()  # which may be none of those that are served unasked
    store, metrics, needed = ModelStore(folder, named), Metrics(), dict[str, None]()
    desk = Desk(FAMILIES, store)
    for index, puzzle in enumerate(puzzles):
        with numbered(index, len(puzzles)):
            prepared = desk.prepare(puzzle.type, puzzle.grid, model, options(chosen), puzzle.puzzle_id, place="/puzzle", bulk=False)
        needed[prepared.entry.name] = None
    pool = LocalPool(WorkerSpec(store=store.root, models=tuple(needed), slots=min(AT_ONCE, len(puzzles))), 1, AT_ONCE, metrics)
    solver = Solver(FAMILIES, store, pool, MemoryCache(AT_ONCE), metrics, Keep(1, 1))
    await pool.start()
    try:
        yield Here(solver, model, chosen)
    finally:
        await pool.close()
        await solver.close()


@dataclass(frozen=True, slots=True)
class There:
    """A service that runs already."""

    client: "AsyncClient"
    model: str | None
    options: OptionsIn

    async def solve(self, puzzle: PuzzleIn) -> SolveOut:
        """See `Service`."""
        with translated():
            return await self.client.solve(self._asked(puzzle), model=self.model, **self._chosen())

    async def watch(self, puzzle: PuzzleIn) -> AsyncIterator[StepOut | SolveOut]:
        """See `Service`."""
        with translated():
            async with self.client.stream(self._asked(puzzle), model=self.model, **self._chosen()) as steps:
                async for each in steps:
                    yield each

    def _asked(self, puzzle: PuzzleIn) -> "Puzzle":
        from app.client import Puzzle

        return Puzzle(**puzzle.model_dump())

    def _chosen(self) -> "Options":
        return cast("Options", self.options.model_dump(exclude_none=True))


@asynccontextmanager
async def there(url: str, puzzles: Sequence[PuzzleIn], model: str | None, chosen: OptionsIn, key: str | None) -> AsyncIterator[Service]:
    """The service at an address. Raises what is wrong with a grid before it sends any; models and options are the service's to judge."""
    from app.client import AsyncClient

    for index, puzzle in enumerate(puzzles):
        with numbered(index, len(puzzles)):
            FAMILIES[puzzle.type].parse(puzzle.grid)
    with translated():
        client = AsyncClient(url, api_key=key)
    async with client:
        yield There(client, model, chosen)


@contextmanager
def translated() -> Iterator[None]:
    """Raises errors of the service for those of the client."""
    from app import client

    try:
        yield
    except (client.Invalid, client.NotFound, client.NotAllowed) as error:
        raise InvalidRequest(str(error)) from error
    except client.ClientError as error:
        raise Unavailable(str(error)) from error
