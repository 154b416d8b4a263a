"""Every store of jobs, in memory and on a real Redis."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from app.cache.address import parse
from app.jobs.base import JobStore
from app.jobs.memory import MemoryJobs
from app.jobs.redis import RedisJobs
from tests.contract.jobs.asking import LIMITS, Make
from tests.support.redis_servers import RedisServer


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer(maxmemory_policy="noeviction") as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def make(request: pytest.FixtureRequest, redis: RedisServer) -> AsyncIterator[Make]:
    """Make stores; those on Redis share their jobs."""
    redis.ask("FLUSHALL")
    made = list[JobStore]()

    def store(**limits: float) -> JobStore:
        chosen = replace(LIMITS, **limits)
        made.append(RedisJobs(parse(redis.url), chosen) if request.param == "redis" else MemoryJobs(chosen, 100_000))
        return made[-1]

    yield store
    for each in made:
        await each.close()


@pytest.fixture
async def store(make: Make) -> JobStore:
    return make()
