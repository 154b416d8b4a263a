"""What every result cache does."""

from collections.abc import AsyncIterator

import pytest

from app.cache.base import Cache
from app.cache.memory import MemoryCache

CACHES = {"memory": lambda: MemoryCache(1000)}


@pytest.fixture(params=CACHES)
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    made = CACHES[request.param]()
    yield made
    await made.close()


async def test_what_was_never_stored_is_not_there(cache: Cache) -> None:
    assert await cache.get("key") is None


@pytest.mark.parametrize("value", [b"answer", b"", b"\x00\xff\r\n", bytes(range(256)) * 400])
async def test_what_is_stored_comes_back_byte_by_byte(cache: Cache, value: bytes) -> None:
    await cache.set("key", value)
    assert await cache.get("key") == value


async def test_the_value_stored_last_is_the_one_that_comes_back(cache: Cache) -> None:
    await cache.set("key", b"first")
    await cache.set("key", b"second")
    assert await cache.get("key") == b"second"


async def test_keys_do_not_touch_each_other(cache: Cache) -> None:
    keys = [f"{kind}{number}" for kind in ("a", "A", "a:", "ä") for number in range(20)]
    for key in keys:
        await cache.set(key, f"value of {key}".encode())
    assert [await cache.get(key) for key in keys] == [f"value of {key}".encode() for key in keys]


async def test_reading_takes_nothing_away(cache: Cache) -> None:
    await cache.set("key", b"answer")
    assert [await cache.get("key") for _ in range(3)] == [b"answer"] * 3
