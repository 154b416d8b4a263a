"""The in-memory cache keeps what was used last."""

from app.cache.memory import MemoryCache


async def test_no_more_is_kept_than_there_is_room_for() -> None:
    cache = MemoryCache(3)
    for number in range(10):
        await cache.set(str(number), b"value", 100)
    assert [str(number) for number in range(10) if await cache.get(str(number))] == ["7", "8", "9"]


async def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = MemoryCache(2)
    await cache.set("old", b"value", 100)
    await cache.set("new", b"value", 100)
    await cache.get("old")
    await cache.set("newest", b"value", 100)
    assert await cache.get("old") == b"value"
    assert await cache.get("new") is None


async def test_a_closed_cache_has_forgotten_everything() -> None:
    cache = MemoryCache(2)
    await cache.set("key", b"value", 100)
    await cache.close()
    assert await cache.get("key") is None
