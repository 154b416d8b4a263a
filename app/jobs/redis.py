"""The store of jobs that many servers share, on Redis: see `scripts` for what happens there. Knows commands, connections and time limits; no puzzles.

Whatever is wrong with Redis, the caller gets `JobsUnavailable` in time. A command that was not answered may have been carried out:
repeating it is harmless, but for `open` and `append`, whose upload is given up then.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from app.cache.address import Address
from app.cache.client import connect, told
from app.errors import JobsUnavailable, KeyReused, QuotaExceeded, UnknownJob
from app.jobs import scripts
from app.jobs.base import DRAFT_SECONDS, Backlog, Counts, Done, Item, Job, Limits, Taken, Written, lost

log = logging.getLogger(__name__)

TIMEOUT = 2.0
"""Seconds for an operation, from waiting for a connection to the answer."""
PATIENCE = 10.0
"""Seconds for storing results, for which nobody waits: what is stored but not answered is in no metric."""
CONNECTIONS = 16
ID, GONE = re.compile("[0-9a-f]{32}"), "there is no such job; it may have expired"
FIELDS = ("client", "status", "total", "solved", "unsolved", "failed", "created", "ended", "expires")


def job_key(job: str) -> str:
    """Where a job is."""
    return f"trm:job:{job}"


class RedisJobs:
    """See `base.JobStore`."""

    def __init__(self, address: Address, limits: Limits) -> None:
        self.address, self.limits, self.said, self.heard = address, limits, "", b"0-0"
        self.client, self.sentinel = connect(address, CONNECTIONS + 1, TIMEOUT / 4)
        self.connections = asyncio.Semaphore(CONNECTIONS)
        self.scripts = {text: self.client.register_script(text) for text in scripts.ALL}

    async def close(self) -> None:
        """Close the connections; what is in Redis stays there."""
        with contextlib.suppress(Exception):  # a server that hangs does not keep us
            async with asyncio.timeout(TIMEOUT):
                await self.client.aclose()
                if self.sentinel is not None:
                    await self.sentinel.aclose()

    async def open(self, client: str, terms: bytes) -> str:
        """Begin an upload."""
        draft = uuid.uuid4().hex
        first = {"status": "uploading", "client": client, "terms": terms, "total": 0, "solved": 0, "unsolved": 0, "failed": 0}

        async def begin() -> None:
            async with self.client.pipeline(transaction=True) as pipe:
                pipe.hset(job_key(draft), mapping=cast("Any", first))
                pipe.expire(job_key(draft), DRAFT_SECONDS)
                await pipe.execute()

        await self._ask(begin)
        return draft

    async def append(self, draft: str, puzzles: Sequence[tuple[int, bytes]], refused: Sequence[bytes]) -> None:
        """Add puzzles and results."""
        words = [word for puzzle in puzzles for word in puzzle]
        if not await self._run(scripts.APPEND, [job_key(draft)], DRAFT_SECONDS, len(puzzles), *words, *refused):
            raise lost(draft)

    async def discard(self, draft: str) -> None:
        """Forget an upload."""
        key = job_key(draft)
        await self._ask(lambda: self.client.delete(key, f"{key}:items", f"{key}:results"))

    async def submit(self, draft: str, key: str, fingerprint: str, most: int | None = None) -> tuple[Job, bool]:
        """Make a job of an upload, or find it made."""
        client = await self._owner(draft)
        remembered = f"trm:jobs:key:{hashlib.sha256(f'{len(client)}:{client}{key}'.encode()).hexdigest()}"
        limits, jobs = self.limits, self.limits.jobs if most is None else most
        keys = [job_key(draft), f"trm:jobs:client:{client}", remembered]
        said, what = await self._run(scripts.SUBMIT, keys, draft, int(key != ""), fingerprint, time.time(), limits.keep, jobs, limits.puzzles)
        match said.decode():
            case "quota":
                raise QuotaExceeded(f"{what.decode()} open already; at most {jobs} jobs with {limits.puzzles} puzzles may be")
            case "reused":
                raise KeyReused(f"this Idempotency-Key was sent with another job, {what.decode()}")
            case "gone":
                raise lost(draft)
        return await self.get(client, what.decode()), said == b"known"

    async def get(self, client: str, job: str) -> Job:
        """A job of this client."""
        if not ID.fullmatch(job):  # it could be the name of something else
            raise UnknownJob(GONE)
        found = await self._ask(lambda: cast("Awaitable[Any]", self.client.hmget(job_key(job), FIELDS)))
        values = dict(zip(FIELDS, (None if each is None else each.decode() for each in found), strict=True))
        if values["client"] != client or values["status"] in (None, "uploading"):
            raise UnknownJob(GONE)
        counts = Counts(*(int(values[name] or 0) for name in ("total", "solved", "unsolved", "failed")))
        created, ended, expires = (float(values[name] or 0) for name in ("created", "ended", "expires"))
        return Job(job, client, cast("Any", values["status"]), counts, created, ended or None, expires)

    async def results(self, client: str, job: str, after: int, count: int) -> list[bytes]:
        """Result lines in the order in which they came."""
        await self.get(client, job)
        page: list[bytes] = await self._ask(lambda: cast("Awaitable[Any]", self.client.lrange(f"{job_key(job)}:results", after, after + count - 1)))
        return page

    async def cancel(self, client: str, job: str) -> tuple[Job, bool]:
        """End an open job."""
        await self.get(client, job)
        was_open = await self._run(scripts.CANCEL, [job_key(job)], job, client, time.time(), self.limits.keep)
        return await self.get(client, job), was_open == 1

    async def take(self, consumer: str, count: int, *, alone: bool) -> Taken:
        """Lease items to a consumer."""
        suspects, *jobs = await self._run(scripts.TAKE, [], consumer, count, int(alone), round(self.limits.lease * 1000))
        items = (
            Item(job.decode(), entry.decode(), int(index), line, terms, deliveries, reason.decode())
            for job, terms, *entries in jobs
            for entry, index, line, deliveries, reason in entries
        )
        return Taken(tuple(items), suspects == 1)

    async def renew(self, consumer: str, items: Sequence[Item]) -> list[Item]:
        """Lease them anew."""
        gone = await self._run(scripts.RENEW, [], consumer, *_places(items))
        return [items[place] for place in gone]

    async def finish(self, done: Sequence[Done]) -> Written:
        """Store results and end their items."""
        words = [word for each in done for word in (each.item.job, each.item.entry, each.kind, each.line)]
        kinds, ended = await self._run(scripts.FINISH, [], time.time(), self.limits.keep, *words, seconds=PATIENCE)
        return Written(tuple(kind.decode() for kind in kinds), tuple(status.decode() for status in ended))

    async def release(self, consumer: str, items: Sequence[Item]) -> None:
        """Give items back."""
        await self._run(scripts.RELEASE, [], consumer, *_places(items))

    async def note(self, item: Item, reason: str) -> None:
        """Remember why a delivery had no result."""
        await self._run(scripts.NOTE, [job_key(item.job)], item.index, reason)

    async def wait(self, seconds: float) -> None:
        """Return when the bell rings, or has rung since the last time."""
        ask = lambda: self.client.xread({"trm:jobs:bell": self.heard}, block=max(1, round(seconds * 1000)))  # noqa: E731
        for _, entries in await self._ask(ask, seconds + TIMEOUT, asyncio.Semaphore()):
            self.heard = entries[-1][0]

    async def backlog(self) -> Backlog:
        """What there is to do."""
        pending, oldest = await self._run(scripts.BACKLOG, [])
        return Backlog(pending, max(0.0, time.time() - float(oldest)) if oldest else 0.0)

    async def _owner(self, draft: str) -> str:
        found: bytes | None = await self._ask(lambda: cast("Awaitable[Any]", self.client.hget(job_key(draft), "client")))
        if found is None:
            raise lost(draft)
        return found.decode()

    async def _run(self, text: str, keys: Sequence[str], *words: object, seconds: float | None = None) -> Any:
        return await self._ask(lambda: self.scripts[text](keys=keys, args=cast("Any", words)), seconds)

    async def _ask(self, command: Callable[[], Awaitable[Any]], seconds: float | None = None, connections: asyncio.Semaphore | None = None) -> Any:
        """The answer to a command. Raises `JobsUnavailable` when there is none in time, or Redis refuses."""
        try:
            async with asyncio.timeout(seconds or TIMEOUT), connections or self.connections:
                answer = await command()
        except Exception as error:  # whatever Redis, the network or the client library does, it is only jobs that cannot be handled
            text = told(self.address, error)
            if text != self.said:
                log.warning("the store of jobs failed", extra={"error": text})
            self.said = text
            raise JobsUnavailable("the store of jobs is away or takes nothing now; other requests are not affected", retry_after=5) from error
        self.said = ""
        return answer


def _places(items: Sequence[Item]) -> list[str]:
    return [word for item in items for word in (item.job, item.entry)]
