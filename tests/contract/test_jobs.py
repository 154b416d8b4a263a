"""What every store of jobs does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from app.cache.address import parse
from app.errors import JobsUnavailable, KeyReused, QuotaExceeded, UnknownJob
from app.jobs.base import MOST_DELIVERIES, SUSPECT, Counts, Done, Item, Job, JobStore, Kind, Limits
from app.jobs.memory import MemoryJobs
from app.jobs.redis import RedisJobs
from tests.support.redis_servers import RedisServer

LIMITS = Limits(jobs=10, puzzles=5000, keep=1000.0, lease=1000.0)
SHORT = 0.1
"""A lease that runs out while a test waits."""
Make = Callable[..., JobStore]


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


async def put(store: JobStore, count: int = 3, client: str = "", key: str = "", refused: int = 0, fingerprint: str = "f") -> Job:
    draft = await store.open(client, b"terms")
    await store.append(draft, [(index, b"puzzle %d" % index) for index in range(count)], [b"refused %d" % index for index in range(refused)])
    job, _ = await store.submit(draft, key, fingerprint)
    return job


async def take(store: JobStore, count: int = 1000, consumer: str = "one", *, alone: bool = True) -> list[Item]:
    return list((await store.take(consumer, count, alone=alone)).items)


def done(items: list[Item], kind: Kind = "solved") -> list[Done]:
    return [Done(item, kind, b"result %d" % item.index) for item in items]


async def lines(store: JobStore, job: Job, client: str = "") -> list[bytes]:
    return await store.results(client, job.id, 0, 100_000)


async def test_a_job_begins_queued_with_all_of_its_puzzles_pending(store: JobStore) -> None:
    before = time.time()
    job = await put(store)
    assert (job.status, job.counts, job.counts.pending, job.ended) == ("queued", Counts(total=3), 3, None)
    assert before - 1 < job.created < time.time() + 1
    assert job.expires == pytest.approx(job.created + LIMITS.keep)
    assert await store.get("", job.id) == job
    assert await lines(store, job) == []


async def test_an_upload_is_nobodys_job_before_it_is_submitted(store: JobStore) -> None:
    draft = await store.open("", b"terms")
    await store.append(draft, [(0, b"puzzle")], [])
    with pytest.raises(UnknownJob):
        await store.get("", draft)
    with pytest.raises(UnknownJob):
        await store.results("", draft, 0, 10)
    with pytest.raises(UnknownJob):
        await store.cancel("", draft)
    assert await take(store) == []
    assert (await store.backlog()).pending == 0


async def test_an_upload_that_was_discarded_is_gone(store: JobStore) -> None:
    draft = await store.open("", b"terms")
    await store.append(draft, [(0, b"puzzle")], [])
    await store.discard(draft)
    await store.discard(draft)
    for attempt in (lambda: store.append(draft, [(1, b"puzzle")], []), lambda: store.submit(draft, "", "f")):
        with pytest.raises(JobsUnavailable, match="again"):
            await attempt()


async def test_items_come_with_their_puzzle_and_the_jobs_terms_in_order(store: JobStore) -> None:
    job = await put(store)
    items = await take(store)
    assert [(item.job, item.index, item.line, item.terms, item.deliveries, item.reason) for item in items] == [
        (job.id, index, b"puzzle %d" % index, b"terms", 1, "") for index in range(3)
    ]
    assert (await store.get("", job.id)).status == "running"


async def test_what_one_has_taken_another_does_not_get(store: JobStore) -> None:
    await put(store, 10)
    first, second, third = await take(store, 4), await take(store, 4, "two"), await take(store, 4, "three")
    assert sorted(item.index for item in first + second + third) == list(range(10))
    assert [len(each) for each in (first, second, third)] == [4, 4, 2]
    assert await take(store, 4, "four") == []


async def test_results_are_stored_counted_and_end_the_job(store: JobStore) -> None:
    job = await put(store)
    one, two, three = await take(store)
    assert (await store.finish(done([two]))).kinds == ("solved",)
    assert (await store.finish(done([one], "unsolved"))).kinds == ("unsolved",)
    now = await store.get("", job.id)
    assert (now.status, now.counts) == ("running", Counts(3, solved=1, unsolved=1))
    written = await store.finish(done([three], "failed"))
    assert (written.kinds, written.ended) == (("failed",), ("completed",))
    now = await store.get("", job.id)
    assert (now.status, now.counts) == ("completed", Counts(3, 1, 1, 1))
    assert now.ended is not None
    assert now.expires == pytest.approx(now.ended + LIMITS.keep)
    assert await lines(store, job) == [b"result 1", b"result 0", b"result 2"]
    assert (await store.backlog()).pending == 0


async def test_the_second_result_of_an_item_is_not_taken(store: JobStore) -> None:
    job = await put(store)
    items = await take(store)
    assert (await store.finish(done(items[:2]))).kinds == ("solved", "solved")
    again = await store.finish(done(items, "failed"))
    assert (again.kinds, again.ended) == (("failed",), ("completed",))
    assert (await store.finish(done(items))).kinds == ()
    assert (await store.get("", job.id)).counts == Counts(3, solved=2, failed=1)
    assert await lines(store, job) == [b"result 0", b"result 1", b"result 2"]


async def test_many_who_finish_the_same_at_once_are_counted_once(store: JobStore) -> None:
    job = await put(store, 100)
    items = await take(store)
    written = await asyncio.gather(*(store.finish(done(items[start:] + items[:start])) for start in range(0, 100, 10)))
    assert sum(len(each.kinds) for each in written) == 100
    assert [each.ended for each in written if each.ended] == [("completed",)]
    assert sorted(await lines(store, job)) == sorted(b"result %d" % index for index in range(100))


async def test_of_a_job_without_an_answer_the_status_says_so(store: JobStore) -> None:
    job = await put(store, 2)
    assert (await store.finish(done(await take(store), "failed"))).ended == ("failed",)
    assert (await store.get("", job.id)).status == "failed"


async def test_what_could_not_be_read_is_a_result_from_the_start(store: JobStore) -> None:
    job = await put(store, 2, refused=3)
    assert (job.status, job.counts, job.counts.pending) == ("queued", Counts(5, failed=3), 2)
    assert await lines(store, job) == [b"refused 0", b"refused 1", b"refused 2"]
    assert (await store.finish(done(await take(store)))).ended == ("completed",)
    assert (await store.get("", job.id)).counts == Counts(5, solved=2, failed=3)


async def test_a_job_of_which_nothing_could_be_read_has_ended(store: JobStore) -> None:
    job = await put(store, 0, refused=3)
    assert (job.status, job.counts.pending, job.ended is not None) == ("failed", 0, True)
    assert await take(store) == []


async def test_results_are_read_page_by_page_and_do_not_change_their_place(store: JobStore) -> None:
    job = await put(store, 10)
    items = await take(store)
    await store.finish(done(items[:5]))
    assert await store.results("", job.id, 0, 3) == [b"result 0", b"result 1", b"result 2"]
    assert await store.results("", job.id, 3, 3) == [b"result 3", b"result 4"]
    assert await store.results("", job.id, 5, 3) == []
    await store.finish(done(items[5:]))
    assert await store.results("", job.id, 5, 3) == [b"result 5", b"result 6", b"result 7"]
    assert await store.results("", job.id, 99, 3) == []


async def test_jobs_take_turns(store: JobStore) -> None:
    long, short = await put(store, 100), await put(store, 3)
    assert [item.job for item in await take(store, 10)] == [long.id] * 10
    assert [item.job for item in await take(store, 10, alone=False)] == [short.id] * 3 + [long.id] * 7
    assert {item.job for item in await take(store, 10, alone=False)} == {long.id}


@pytest.mark.parametrize("method", ["get", "cancel", "results"])
async def test_a_job_that_is_unknown_or_another_clients_is_not_found(store: JobStore, method: str) -> None:
    job = await put(store, client="alice")
    for client, name in (("alice", "0" * 32), ("bob", job.id), ("", job.id), ("alice", "ä:*\n")):
        with pytest.raises(UnknownJob):
            await getattr(store, method)(client, name, *((0, 10) if method == "results" else ()))
    assert (await store.get("alice", job.id)).status == "queued"


async def test_a_cancelled_job_keeps_its_results_and_takes_no_more(store: JobStore) -> None:
    job = await put(store, 10)
    items = await take(store, 4)
    await store.finish(done(items[:2]))
    now, was_open = await store.cancel("", job.id)
    assert (now.status, now.counts, was_open) == ("cancelled", Counts(10, solved=2), True)
    assert now.ended is not None
    assert await take(store) == []
    assert (await store.finish(done(items))).kinds == ()
    assert await store.renew("one", items) == items
    assert await lines(store, job) == [b"result 0", b"result 1"]
    assert await store.cancel("", job.id) == (now, False)
    assert (await store.backlog()).pending == 0


async def test_a_job_that_has_ended_cannot_be_cancelled(store: JobStore) -> None:
    job = await put(store)
    await store.finish(done(await take(store)))
    now, was_open = await store.cancel("", job.id)
    assert (now.status, was_open) == ("completed", False)


async def test_the_same_key_finds_the_same_job(store: JobStore) -> None:
    first = await put(store, client="alice", key="k")
    draft = await store.open("alice", b"terms")
    await store.append(draft, [(0, b"puzzle")], [])
    assert await store.submit(draft, "k", "f") == (first, True)
    assert len(await take(store)) == 3
    assert (await put(store, client="bob", key="k")).id != first.id
    assert (await put(store, client="alice", key="other")).id != first.id
    with pytest.raises(KeyReused, match=first.id):
        await put(store, client="alice", key="k", fingerprint="another")


async def test_of_many_at_once_with_the_same_key_one_makes_the_job(store: JobStore) -> None:
    made = await asyncio.gather(*(put(store, key="k") for _ in range(10)))
    assert len({job.id for job in made}) == 1
    assert len(await take(store)) == 3


async def test_a_client_has_its_quota_of_jobs_and_gets_it_back(make: Make) -> None:
    store = make(jobs=2)
    first, second = await put(store, client="alice"), await put(store, client="alice")
    with pytest.raises(QuotaExceeded, match="2 jobs with 6 puzzles"):
        await put(store, client="alice")
    await put(store, client="bob")
    await store.cancel("alice", first.id)
    await put(store, client="alice")
    await store.finish(done([item for item in await take(store) if item.job == second.id]))
    await put(store, client="alice")
    with pytest.raises(QuotaExceeded):
        await put(store, client="alice")


async def test_a_client_may_have_a_quota_of_its_own(make: Make) -> None:
    store = make(jobs=2)
    for most, allowed in ((5, 4), (3, 0)):
        for _ in range(allowed):
            draft = await store.open("alice", b"terms")
            await store.append(draft, [(0, b"puzzle")], [])
            await store.submit(draft, "", "f", most)
        draft = await store.open("alice", b"terms")
        with pytest.raises(QuotaExceeded, match=f"4 jobs .* at most {min(most, 4)} jobs"):
            await store.submit(draft, "", "f", min(most, 4))


async def test_a_client_has_its_quota_of_puzzles_without_a_result(make: Make) -> None:
    store = make(puzzles=10)
    await put(store, 6, refused=3)
    with pytest.raises(QuotaExceeded, match="1 jobs with 6 puzzles"):
        await put(store, 5)
    await store.finish(done(await take(store, 1)))
    await put(store, 5)


async def test_a_job_is_forgotten_after_its_time_with_its_key_and_its_quota(make: Make) -> None:
    store = make(keep=0.3, jobs=1)
    job = await put(store, key="k")
    items = await take(store, 1)
    await store.finish(done(items))
    await asyncio.sleep(0.5)
    with pytest.raises(UnknownJob):
        await store.get("", job.id)
    assert await take(store) == []
    assert (await store.backlog()).pending == 0
    assert (await put(store, key="k")).id != job.id


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


async def test_the_backlog_is_what_has_no_result_and_since_when(store: JobStore) -> None:
    assert await store.backlog() == await store.backlog()
    await put(store, 5, refused=2)
    await put(store, 4)
    await asyncio.sleep(0.1)
    backlog = await store.backlog()
    assert backlog.pending == 9
    assert 0.1 <= backlog.oldest < 60
    await store.finish(done(await take(store, 2)))
    assert (await store.backlog()).pending == 7


async def test_bytes_of_all_kinds_come_back(store: JobStore) -> None:
    line = bytes(range(256)).replace(b"\n", b"")
    draft = await store.open("client:ä", line)
    await store.append(draft, [(7, line)], [line])
    job, _ = await store.submit(draft, "ä:k", "f")
    (item,) = await take(store)
    assert (item.index, item.line, item.terms) == (7, line, line)
    await store.finish([Done(item, "solved", line)])
    assert await store.results("client:ä", job.id, 0, 10) == [line, line]


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
