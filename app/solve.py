"""`trm solve`: one grid in the terminal, through the same solver as the server, with a worker in this process."""

import asyncio
from pathlib import Path

from app.answers import Keep
from app.cache.memory import MemoryCache
from app.metrics import Metrics
from app.model.store import ModelStore
from app.pool.local import LocalPool
from app.pool.messages import WorkerSpec
from app.preparing import Options
from app.puzzles.families import FAMILIES
from app.solver import Solution, Solver


def solve(grid: str, model: str | None, store_folder: Path) -> int:
    """Print the solved grid and how it came about; exit status 1 when it is not verified."""
    solution = asyncio.run(_solve(grid, model, ModelStore(store_folder)))
    answer = solution.answer
    print(FAMILIES["sudoku"].draw(solution.puzzle, answer.cells))
    verdict = "verified" if answer.verified else "NOT solved: the best grid so far"
    print(f"{verdict}; {answer.steps} steps, {answer.attempts} attempts, {solution.solve_seconds * 1000:.1f} ms ({solution.entry.name})")
    return 0 if answer.verified else 1


async def _solve(grid: str, model: str | None, store: ModelStore) -> Solution:
    metrics = Metrics()
    pool = LocalPool(WorkerSpec(store=store.root, models=tuple(store.entries), slots=1), 1, 1, metrics)
    await pool.start()
    try:
        return await Solver(FAMILIES, store, pool, MemoryCache(1), metrics, Keep(1, 1)).solve("sudoku", grid, model, Options(timeout=60))
    finally:
        await pool.close()
