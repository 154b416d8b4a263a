"""The life of a job: uploaded, worked off, read, cancelled."""

import asyncio
import time

import pytest

from app.errors import JobsUnavailable, UnknownJob
from app.jobs.base import Counts, Done, JobStore
from tests.contract.jobs.asking import LIMITS, done, lines, put, take


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
