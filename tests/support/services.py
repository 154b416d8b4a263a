"""All that a request may need, around a solver, with bounds that tests can reach."""

from app.api.deps import Jobs, Services
from app.api.lines import Lines
from app.batch import Batches
from app.jobs.base import Limits
from app.jobs.consumer import Consumer
from app.jobs.memory import MemoryJobs
from app.model.store import ModelStore
from app.pool.base import Pool
from app.solver import Solver


def services_of(solver: Solver, pool: Pool, store: ModelStore) -> Services:
    limits, lines = Limits(jobs=3, puzzles=30, keep=1000.0, lease=30.0), Lines(solver)
    kept = MemoryJobs(limits, 50)
    jobs = Jobs(kept, lines, Consumer(kept, lines, pool.status, solver.metrics, limits.lease), puzzles=20, line_bytes=300, document_bytes=5_000)
    return Services(solver, pool, store, solver.metrics, Batches(solver, 20, 50), jobs)
