"""What tests ask of a store of jobs, again and again."""

from collections.abc import Callable

from app.jobs.base import Done, Item, Job, JobStore, Kind, Limits

LIMITS = Limits(jobs=10, puzzles=5000, keep=1000.0, lease=1000.0)
Make = Callable[..., JobStore]
"""Makes a store with the limits that are given, on the same Redis as the others."""


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
