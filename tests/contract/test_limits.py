"""What every kind of limits does, here and on a real Redis; and what those on Redis do beyond."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator

import pytest

from app.access.keys import Key
from app.access.limits import Limits, LocalLimits
from app.access.redis import PREFIX, SharedLimits
from app.cache import link as module
from app.cache.address import parse
from app.cache.link import FAILURES, Link
from app.metrics import Metrics
from tests.support.redis_servers import PATIENCE, RedisServer

SLOW, SOON = Key("slow", b"", 0.001, 5), Key("soon", b"", 20.0, 1)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        server.ask("FLUSHALL")
        yield server


@pytest.fixture
async def links(redis: RedisServer) -> AsyncIterator[list[Link]]:
    """Two servers' ways to one Redis."""
    redis.ask("FLUSHALL")
    made = [Link(parse(redis.url), Metrics(), PATIENCE) for _ in range(2)]
    for link in made:
        await link.start()
    yield made
    for link in made:
        await link.close()


@pytest.fixture(params=["local", "shared"])
def limits(request: pytest.FixtureRequest, links: list[Link]) -> Limits:
    return LocalLimits() if request.param == "local" else SharedLimits(links[0])


async def let(limits: Limits, key: Key, tries: int) -> int:
    return [await limits.take(key) for _ in range(tries)].count(0.0)


async def test_a_burst_goes_through_and_not_more(limits: Limits) -> None:
    assert await let(limits, SLOW, 20) == 5


async def test_who_is_refused_is_told_for_how_long(limits: Limits) -> None:
    await let(limits, SLOW, 5)
    assert 900 < await limits.take(SLOW) <= 1000
    await limits.charge(SLOW, 10)
    assert 10_900 < await limits.take(SLOW) <= 11_000


async def test_after_the_wait_one_goes_through(limits: Limits) -> None:
    for _ in range(3):
        while wait := await limits.take(SOON):
            assert wait <= 0.05
            await asyncio.sleep(wait)


async def test_a_charge_beyond_the_bucket_is_a_debt(limits: Limits) -> None:
    assert await let(limits, SLOW, 1) == 1
    await limits.charge(SLOW, 999)
    assert 990_000 < await limits.take(SLOW) < 1_000_000


async def test_clients_do_not_touch_each_other(limits: Limits) -> None:
    await limits.charge(SLOW, 100)
    assert await let(limits, Key("other", b"", 0.001, 5), 20) == 5


async def test_many_at_once_get_what_there_is(limits: Limits) -> None:
    assert (await asyncio.gather(*(limits.take(SLOW) for _ in range(100)))).count(0.0) == 5


async def test_servers_share_what_a_client_has(links: list[Link]) -> None:
    one, other = (SharedLimits(link) for link in links)
    assert [await let(one, SLOW, 3), await let(other, SLOW, 9), await let(one, SLOW, 9)] == [3, 2, 0]
    assert await let(SharedLimits(links[1]), SLOW, 9) == 0, "a server that has just started"


async def test_a_batch_here_is_a_debt_there(links: list[Link]) -> None:
    one, other = (SharedLimits(link) for link in links)
    assert await let(one, SLOW, 1) == 1
    await one.charge(SLOW, 999)
    assert await other.take(SLOW) > 990_000


async def test_who_is_refused_by_all_servers_keeps_what_he_has_here(links: list[Link]) -> None:
    one, other = (SharedLimits(link) for link in links)
    await let(other, SOON, 1)
    for _ in range(50):
        await one.take(SOON)
    await asyncio.sleep(0.06)
    assert await let(one, SOON, 1) == 1


async def test_a_bucket_is_kept_until_it_is_full_again_and_not_for_ever(redis: RedisServer, links: list[Link]) -> None:
    await SharedLimits(links[0]).take(SLOW)
    assert 990 < int(redis.ask("TTL", PREFIX + SLOW.name)) <= 1000


async def test_the_script_is_loaded_again_where_redis_has_forgotten_it(redis: RedisServer, links: list[Link]) -> None:
    limits = SharedLimits(links[0])
    await let(limits, SLOW, 2)
    redis.ask("SCRIPT", "FLUSH")
    assert await let(limits, SLOW, 9) == 3


async def test_a_value_that_is_no_bucket_lets_through_what_this_server_allows(redis: RedisServer, links: list[Link]) -> None:
    redis.ask("SET", PREFIX + SLOW.name, "foreign")
    assert await let(SharedLimits(links[0]), SLOW, 9) == 5


async def test_without_redis_each_server_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.05)
    with RedisServer() as server:
        link = Link(parse(server.url), Metrics(), 0.05)
        await link.start()
        limits = SharedLimits(link)
        assert await let(limits, SLOW, 2) == 2
        with server.paused():
            assert await let(limits, SLOW, 9) == 3, "what is left of the burst, here"
            other = Key("other", b"", 0.001, FAILURES)
            assert await let(limits, other, 99) == FAILURES
            assert link.metrics.registry.get_sample_value("trm_cache_breaker_open") == 1
            assert await let(limits, Key("third", b"", 0.001, 500), 1000) == 500, "and nobody waits any more"
        server.kill()
        assert math.isfinite(await limits.take(SLOW))
        await link.close()


async def test_a_user_of_redis_needs_these_commands_and_no_others(redis: RedisServer, links: list[Link]) -> None:
    commands = ("+get", "+set", "+evalsha", "+script|load", "+time", "+hmget", "+hset", "+pexpire")
    redis.ask("ACL", "SETUSER", "trm", "on", ">secret", f"~{PREFIX}*", "~trm:answer:*", *commands)
    link = Link(parse(redis.url.replace("//", "//trm:secret@")), Metrics(), PATIENCE)
    await link.start()
    assert await let(SharedLimits(link), SLOW, 3) == 3
    assert await let(SharedLimits(links[0]), SLOW, 9) == 2
    await link.close()
