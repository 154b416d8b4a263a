"""Whose jobs are the same, how many a client may have, and for how long they are known."""

import asyncio

import pytest

from app.errors import KeyReused, QuotaExceeded, UnknownJob
from app.jobs.base import JobStore
from tests.contract.jobs.asking import Make, done, put, take


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
