"""What every result cache does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from app.cache.address import parse
from app.cache.base import Cache
from app.cache.link import Link
from app.cache.memory import MemoryCache
from app.cache.redis import RedisCache
from app.cache.tiered import TieredCache
from app.metrics import Metrics
from tests.support.redis_servers import RedisServer

LONG = 1000.0
PATIENCE = 30.0
"""Seconds that a machine which is busy may take; none of these tests is about speed."""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


CACHES: dict[str, Callable[[RedisServer], Cache]] = {
    "memory": lambda _: MemoryCache(1000),
    "redis": lambda redis: RedisCache(Link(parse(redis.url), Metrics(), timeout=PATIENCE)),
    "both": lambda redis: TieredCache(MemoryCache(1000), RedisCache(Link(parse(redis.url), Metrics(), timeout=PATIENCE))),
}


@pytest.fixture(params=CACHES)
async def cache(request: pytest.FixtureRequest, redis: RedisServer) -> AsyncIterator[Cache]:
    redis.ask("FLUSHALL")
    made = CACHES[request.param](redis)
    await made.start()
    yield made
    await made.close()


async def test_what_was_never_stored_is_not_there(cache: Cache) -> None:
    assert await cache.get("key") is None


@pytest.mark.parametrize("value", [b"answer", b"", b"\x00\xff\r\n", bytes(range(256)) * 400])
async def test_what_is_stored_comes_back_byte_by_byte(cache: Cache, value: bytes) -> None:
    await cache.set("key", value, LONG)
    assert await cache.get("key") == value


async def test_the_value_stored_last_is_the_one_that_comes_back(cache: Cache) -> None:
    await cache.set("key", b"first", LONG)
    await cache.set("key", b"second", LONG)
    assert await cache.get("key") == b"second"


async def test_keys_do_not_touch_each_other(cache: Cache) -> None:
    keys = [f"{kind}{number}" for kind in ("a", "A", "a:", "ä") for number in range(20)]
    for key in keys:
        await cache.set(key, f"value of {key}".encode(), LONG)
    assert [await cache.get(key) for key in keys] == [f"value of {key}".encode() for key in keys]


async def test_reading_takes_nothing_away(cache: Cache) -> None:
    await cache.set("key", b"answer", LONG)
    assert [await cache.get("key") for _ in range(3)] == [b"answer"] * 3


async def test_a_value_is_forgotten_after_its_time_and_others_are_not(cache: Cache) -> None:
    await cache.set("short", b"answer", 0.05)
    await cache.set("long", b"answer", LONG)
    end = time.monotonic() + PATIENCE
    while await cache.get("short") is not None:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    assert await cache.get("long") == b"answer"


async def test_a_value_stored_again_stays_for_its_new_time(cache: Cache) -> None:
    await cache.set("key", b"first", 0.05)
    await cache.set("key", b"second", LONG)
    await asyncio.sleep(0.1)
    assert await cache.get("key") == b"second"


async def test_near_is_only_what_was_stored_here_and_far_what_was_stored_anywhere() -> None:
    far = MemoryCache(9)
    here, there = TieredCache(MemoryCache(9), far), TieredCache(MemoryCache(9), far)
    await here.set("key", b"answer", LONG)
    assert [await cache.get("key") for cache in (here, there)] == [b"answer", b"answer"]
    await far.close()
    assert [await cache.get("key") for cache in (here, there)] == [b"answer", None]


async def test_many_at_once_get_what_is_theirs(cache: Cache) -> None:
    keys = [str(number) for number in range(200)]
    await asyncio.gather(*(cache.set(key, key.encode(), LONG) for key in keys))
    assert await asyncio.gather(*(cache.get(key) for key in keys)) == [key.encode() for key in keys]


async def test_one_who_leaves_does_not_disturb_the_others(cache: Cache) -> None:
    await cache.set("key", b"answer", LONG)
    for moment in range(8):
        asked = [asyncio.create_task(cache.get("key")) for _ in range(4)]
        for _ in range(moment):
            await asyncio.sleep(0)
        asked[0].cancel()
        assert await asyncio.gather(*asked[1:]) == [b"answer"] * 3
