"""Who gets an item, and who gets it next: leases, suspects, dead letters, and those who wait."""

import asyncio
from collections.abc import Awaitable

from app.jobs.base import MOST_DELIVERIES, SUSPECT, Counts, JobStore
from tests.contract.jobs.asking import Make, done, lines, put, take

SHORT = 0.1
"""A lease that runs out while a test waits."""


async def test_what_nobody_renews_goes_to_another_and_counts(make: Make) -> None:
    store = make(lease=SHORT)
    job = await put(store)
    (lost, *_) = await take(store)
    await asyncio.sleep(2 * SHORT)
    again = await take(store, consumer="two")
    assert [(item.index, item.deliveries) for item in again] == [(0, 2), (1, 2), (2, 2)]
    assert await store.renew("one", [lost]) == [lost]
    assert (await store.finish(done([lost]))).kinds == ("solved",), "whoever comes first"
    assert (await store.finish(done(again))).kinds == ("solved", "solved")
    assert (await store.get("", job.id)).counts == Counts(3, solved=3)


async def test_what_is_renewed_stays(make: Make) -> None:
    store = make(lease=4 * SHORT)
    await put(store)
    items = await take(store)
    for _ in range(8):
        await asyncio.sleep(SHORT)
        assert await store.renew("one", items) == []
        assert await take(store, consumer="two") == []


async def test_what_is_released_is_there_at_once_and_does_not_count(store: JobStore) -> None:
    await put(store)
    items = await take(store)
    await store.release("two", items)
    assert await take(store, consumer="two") == []
    await store.release("one", items[:2])
    assert [(item.index, item.deliveries) for item in await take(store, consumer="two")] == [(0, 1), (1, 1)]


async def test_suspects_are_delivered_alone_and_others_wait(make: Make) -> None:
    store = make(lease=SHORT)
    await put(store, 3)
    for _ in range(SUSPECT):
        assert len(await take(store)) == 3
        await asyncio.sleep(2 * SHORT)
    taken = await store.take("busy", 10, alone=False)
    assert (taken.items, taken.suspects) == ((), True)
    alone = [await take(store, consumer=name) for name in ("one", "two", "three")]
    assert [(item.index, item.deliveries) for (item,) in alone] == [(0, SUSPECT + 1), (1, SUSPECT + 1), (2, SUSPECT + 1)]
    assert await store.take("busy", 10, alone=False) == await store.take("idle", 10, alone=True)


async def test_who_lived_to_note_a_reason_makes_no_suspect(make: Make) -> None:
    store = make(lease=SHORT)
    await put(store, 3)
    for _ in range(SUSPECT):
        for item in await take(store):
            await store.note(item, "the deadline passed")
        await asyncio.sleep(2 * SHORT)
    taken = await store.take("busy", 10, alone=False)
    assert ([item.deliveries for item in taken.items], taken.suspects) == ([SUSPECT + 1] * 3, False)


async def test_new_items_come_before_no_suspect_but_after_what_is_left_of_it(make: Make) -> None:
    store = make(lease=SHORT)
    await put(store, 2)
    for _ in range(SUSPECT):
        await take(store, 1)
        await asyncio.sleep(2 * SHORT)
    (suspect,) = await take(store)
    assert (suspect.index, suspect.deliveries) == (0, SUSPECT + 1)
    await store.finish(done([suspect]))
    assert [item.index for item in await take(store)] == [1]


async def test_what_was_delivered_too_often_comes_once_more_with_the_reason_and_not_alone(make: Make) -> None:
    store = make(lease=SHORT)
    await put(store, 2)
    for _ in range(MOST_DELIVERIES):
        for item in [*await take(store), *await take(store, consumer="two")]:
            await store.note(item, f"reason {item.index}")
        await asyncio.sleep(2 * SHORT)
    dead = await take(store, alone=False)
    assert [(item.deliveries, item.reason) for item in dead] == [(MOST_DELIVERIES + 1, f"reason {index}") for index in range(2)]


async def test_a_note_about_what_has_ended_is_nothing(store: JobStore) -> None:
    job = await put(store)
    items = await take(store)
    await store.finish(done(items))
    await store.note(items[0], "too late")
    assert (await store.get("", job.id)).counts == Counts(3, solved=3)


async def test_who_waits_is_woken_by_a_job_and_by_what_is_released(store: JobStore) -> None:
    await put(store)
    items = await take(store)
    await store.wait(0.01)
    for ring in (lambda: put(store), lambda: store.release("one", items)):
        waiting = asyncio.create_task(store.wait(60))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await ring()
        await asyncio.wait_for(waiting, 30)


async def test_what_happened_since_the_last_wait_wakes_the_next(store: JobStore) -> None:
    await store.wait(0.01)
    await put(store)
    await asyncio.wait_for(store.wait(60), 30)


async def test_thousands_at_once_between_racing_consumers_end_exactly_once(make: Make) -> None:
    """Consumers that take, drop, release and finish at random; leases run out all the time."""
    store = make(lease=0.05)
    job, ended = await put(store, 2000), list[str]()

    async def consume(name: str, number: int) -> None:
        while (await store.get("", job.id)).ended is None:
            items = await take(store, 50, name)
            keep, give, drop = items[: 40 + number], items[40 + number : 48], items[48:]
            await store.release(name, give)
            await store.renew(name, keep)
            ended.extend((await store.finish(done([*keep, *drop[:1]]))).ended)
            if not items:
                await asyncio.sleep(0.01)

    consumers: list[Awaitable[None]] = [consume(f"consumer {number}", number) for number in range(6)]
    await asyncio.gather(*consumers)
    assert (await store.get("", job.id)).counts == Counts(2000, solved=2000)
    assert sorted(await lines(store, job)) == sorted(b"result %d" % index for index in range(2000))
    assert ended == ["completed"]
