"""Puzzles that kill: a worker of the pool, or the whole server. They end as failed, with the reason, and nothing else suffers."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from app.api.lines import Lines
from app.cache.address import parse
from app.cache.memory import MemoryCache
from app.jobs.base import MOST_DELIVERIES, Counts, Job, JobStore, Limits
from app.jobs.consumer import Consumer
from app.jobs.redis import RedisJobs
from app.metrics import Metrics
from app.model.store import ModelStore
from app.pool.messages import WorkerSpec
from app.puzzles.families import FAMILIES
from app.solver import Solver
from tests.support.answers import KEEP
from tests.support.grids import QUESTIONS
from tests.support.job_consumers import DEADLY
from tests.support.redis_servers import RedisServer
from tests.support.stores import put
from tests.support.workers import HarmfulPool

PATIENCE = 200.0
LIMITS = Limits(jobs=10, puzzles=10_000, keep=1000.0, lease=1.0)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer(maxmemory_policy="noeviction") as server:
        yield server


@pytest.fixture
async def store(redis: RedisServer) -> AsyncIterator[RedisJobs]:
    redis.ask("FLUSHALL")
    store = RedisJobs(parse(redis.url), LIMITS)
    yield store
    await store.close()


async def submit(store: JobStore, lines: list[bytes]) -> Job:
    draft = await store.open("", b"{}")
    await store.append(draft, list(enumerate(lines)), [])
    job, _ = await store.submit(draft, "", "")
    return job


async def test_deadly_puzzles_kill_consumers_and_are_given_up_and_no_other_is(redis: RedisServer, store: RedisJobs) -> None:
    lines = [DEADLY + b" %d" % index if index in (3, 60) else b"harmless %d" % index for index in range(100)]
    job, end, deaths = await submit(store, lines), time.monotonic() + PATIENCE, 0
    while (await store.get("", job.id)).ended is None:
        assert time.monotonic() < end, "the job never ended"
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.support.job_consumers", redis.url, str(LIMITS.lease))
        status = await asyncio.wait_for(process.wait(), PATIENCE)
        assert status in (0, 9)
        deaths += status == 9
    assert (await store.get("", job.id)).counts == Counts(100, solved=98, failed=2)
    found = await store.results("", job.id, 0, 1000)
    given_up = [b"%s: given up after %d deliveries: whoever worked on it died" % (lines[index], MOST_DELIVERIES) for index in (3, 60)]
    assert sorted(found) == sorted([line for line in lines if not line.startswith(DEADLY)] + given_up)
    assert MOST_DELIVERIES < deaths <= 2 * MOST_DELIVERIES


async def test_what_kills_workers_is_a_failed_result_with_the_reason(store: RedisJobs, tmp_path) -> None:
    put(tmp_path, "four", 4)
    models, metrics = ModelStore(tmp_path), Metrics(("four",))
    pool = HarmfulPool(WorkerSpec(store=tmp_path, models=("four",), slots=4), 2, 100, metrics)
    await pool.start()
    solver = Solver(FAMILIES, models, pool, MemoryCache(100), metrics, KEEP)
    consumer = Consumer(store, Lines(solver), pool.status, metrics, LIMITS.lease)
    grids = ["1" + "." * 15 if index == 5 else QUESTIONS[4] for index in range(40)]
    job = await submit(store, [json.dumps({"type": "sudoku", "grid": grid}).encode() for grid in grids])
    consumer.start()
    end = time.monotonic() + PATIENCE
    while (now := await store.get("", job.id)).ended is None:
        assert time.monotonic() < end, "the job never ended"
        await store.wait(0.05)
    await consumer.close()
    await solver.close()
    await pool.close()
    assert now.counts.failed == 1
    assert now.counts.total - now.counts.pending == 40
    found = {each["index"]: each for each in map(json.loads, await store.results("", job.id, 0, 100))}
    assert sorted(found) == list(range(40))
    assert (found[5]["status"], found[5]["type"], found[5]["detail"]) == (503, "/problems/worker-lost", "3 workers died on this puzzle")
