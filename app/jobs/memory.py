"""Jobs in this process, for a server without Redis: lost with the process, shared with nobody. Knows lines, not puzzles."""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from app.errors import JobsUnavailable, KeyReused, QuotaExceeded, UnknownJob
from app.jobs.base import DRAFT_SECONDS, MOST_DELIVERIES, SUSPECT, Backlog, Counts, Done, Item, Job, Limits, Status, Taken, Written, lost


@dataclass(slots=True, eq=False)
class Place:
    """An item, its deliveries so far, and who holds it until when; nobody if `holder` is empty."""

    index: int
    line: bytes
    deliveries: int = 0
    holder: str = ""
    until: float = 0.0
    reason: str = ""


@dataclass(slots=True, eq=False)
class Record:
    """A job with all that belongs to it. `new` was never delivered, `open` is what has no result, by entry."""

    job: Job
    terms: bytes
    submitted: bool = False
    new: deque[str] = field(default_factory=deque)
    open: dict[str, Place] = field(default_factory=dict)
    delivered: dict[str, Place] = field(default_factory=dict)
    results: list[bytes] = field(default_factory=list)

    def count(self, **more: int) -> None:
        """Add to the counts."""
        counts = self.job.counts
        self.job = replace(self.job, counts=replace(counts, **{name: getattr(counts, name) + number for name, number in more.items()}))

    def end(self, status: Status, keep: float) -> None:
        """Nothing of it is left to do."""
        now = time.time()
        self.job = replace(self.job, status=status, ended=now, expires=now + keep)
        self.new.clear()
        self.open.clear()
        self.delivered.clear()

    def ready(self) -> list[str]:
        """Entries that were delivered and that nobody holds any more."""
        now = time.monotonic()
        for place in self.delivered.values():
            if place.until <= now:
                place.holder = ""
        return [entry for entry, place in self.delivered.items() if not place.holder]


class MemoryJobs:
    """See `base.JobStore`. Of all jobs together at most `most` lines are kept, puzzles and results."""

    def __init__(self, limits: Limits, most: int) -> None:
        self.limits, self.most, self.records = limits, most, dict[str, Record]()
        self.keys: dict[tuple[str, str], tuple[str, str]] = {}
        self.news = asyncio.Event()

    async def close(self) -> None:
        """Forget everything."""
        self.records.clear()

    async def open(self, client: str, terms: bytes) -> str:
        """Begin an upload."""
        draft, now = uuid.uuid4().hex, time.time()
        self.records[draft] = Record(Job(draft, client, "queued", Counts(), now, None, now + DRAFT_SECONDS), terms)
        return draft

    async def append(self, draft: str, puzzles: Sequence[tuple[int, bytes]], refused: Sequence[bytes]) -> None:
        """Add puzzles and results."""
        self._expire()
        record = self.records.get(draft)
        if record is None:
            raise lost(draft)
        if sum(each.job.counts.total for each in self.records.values()) + len(puzzles) + len(refused) > self.most:
            full = f"the jobs that are kept in memory, also those that have ended, would have more than {self.most} puzzles"
            raise JobsUnavailable(f"{full}; TRM_JOBS_KEEP_SECONDS, TRM_JOBS_MEMORY_PUZZLES or a Redis (TRM_JOBS_REDIS_URL) make room", retry_after=60)
        record.job = replace(record.job, expires=time.time() + DRAFT_SECONDS)
        for index, line in puzzles:
            record.open[str(index)] = Place(index, line)
            record.new.append(str(index))
        record.results += refused
        record.count(total=len(puzzles) + len(refused), failed=len(refused))

    async def discard(self, draft: str) -> None:
        """Forget an upload."""
        self.records.pop(draft, None)

    async def submit(self, draft: str, key: str, fingerprint: str, most: int | None = None) -> tuple[Job, bool]:
        """Make a job of an upload, or find it made."""
        record, limits = self.records.pop(draft, None), self.limits
        if record is None:
            raise lost(draft)
        client, counts = record.job.client, record.job.counts
        self._expire()
        known, mark = self.keys.get((client, key), ("", ""))
        if key and known in self.records:
            if mark != fingerprint:
                raise KeyReused(f"this Idempotency-Key was sent with another job, {known}")
            return self.records[known].job, True
        others = [each.job.counts.pending for each in self._active() if each.job.client == client]
        jobs = limits.jobs if most is None else most
        if len(others) >= jobs or sum(others) + counts.pending > limits.puzzles:
            had = f"{len(others)} jobs with {sum(others)} puzzles"
            raise QuotaExceeded(f"{had} are open already; at most {jobs} jobs with {limits.puzzles} puzzles may be")
        now = time.time()
        record.job, record.submitted = replace(record.job, created=now, expires=now + limits.keep), True
        if not counts.pending:
            record.end("failed", limits.keep)
        self.records[draft] = record
        if key:
            self.keys[client, key] = (draft, fingerprint)
        self.news.set()
        return record.job, False

    async def get(self, client: str, job: str) -> Job:
        """A job of this client."""
        return self._own(client, job).job

    async def results(self, client: str, job: str, after: int, count: int) -> list[bytes]:
        """Result lines in the order in which they came."""
        return self._own(client, job).results[after : after + count]

    async def cancel(self, client: str, job: str) -> tuple[Job, bool]:
        """End an open job."""
        record = self._own(client, job)
        was_open = bool(record.open)
        if was_open:
            record.end("cancelled", self.limits.keep)
        return record.job, was_open

    async def take(self, consumer: str, count: int, *, alone: bool) -> Taken:
        """Lease items to a consumer."""
        items, until = list[Item](), time.monotonic() + self.limits.lease
        for record in self._active():
            for entry in islice(chain(record.ready(), tuple(islice(record.new, count))), max(0, count - len(items))):
                place = record.open[entry]
                suspect = SUSPECT <= place.deliveries < MOST_DELIVERIES and not place.reason
                if suspect and (items or not alone):
                    return Taken(tuple(items), suspects=True)
                place.holder, place.until, place.deliveries = consumer, until, place.deliveries + 1
                record.delivered[entry] = place
                items.append(Item(record.job.id, entry, place.index, place.line, record.terms, place.deliveries, place.reason))
                if suspect:
                    return Taken(tuple(items), suspects=False)
            while record.new and record.new[0] in record.delivered:
                record.new.popleft()
            if items and items[-1].job == record.job.id:
                record.job = replace(record.job, status="running")
                self.records[record.job.id] = self.records.pop(record.job.id)  # the others have their turn first
        return Taken(tuple(items), suspects=False)

    async def renew(self, consumer: str, items: Sequence[Item]) -> list[Item]:
        """Lease them anew."""
        gone, until = list[Item](), time.monotonic() + self.limits.lease
        for item in items:
            place = self._held(consumer, item)
            if place is None:
                gone.append(item)
            else:
                place.until = until
        return gone

    async def finish(self, done: Sequence[Done]) -> Written:
        """Store results and end their items."""
        taken, ended = list[Done](), list[Status]()
        for each in done:
            record = self.records.get(each.item.job)
            if record is None or record.delivered.pop(each.item.entry, None) is None:
                continue
            del record.open[each.item.entry]
            record.results.append(each.line)
            record.count(**{each.kind: 1})
            taken.append(each)
            if not record.open:
                ended.append("failed" if record.job.counts.failed == record.job.counts.total else "completed")
                record.end(ended[-1], self.limits.keep)
        return Written(tuple(each.kind for each in taken), tuple(ended))

    async def release(self, consumer: str, items: Sequence[Item]) -> None:
        """Give items back."""
        for item in items:
            if place := self._held(consumer, item):
                place.holder, place.until, place.deliveries = "", 0.0, place.deliveries - 1
        self.news.set()

    async def note(self, item: Item, reason: str) -> None:
        """Remember why a delivery had no result."""
        record = self.records.get(item.job)
        if record and item.entry in record.delivered:
            record.delivered[item.entry].reason = reason

    async def wait(self, seconds: float) -> None:
        """Return when something was submitted or released, now or since the last time."""
        try:
            async with asyncio.timeout(seconds):
                await self.news.wait()
        except TimeoutError:
            pass
        self.news.clear()

    async def backlog(self) -> Backlog:
        """What there is to do."""
        active, now = self._active(), time.time()
        oldest = min((record.job.created for record in active), default=now)
        return Backlog(sum(record.job.counts.pending for record in active), now - oldest)

    def _active(self) -> list[Record]:
        """Jobs that are not done, the one whose turn it is first."""
        return [record for record in self.records.values() if record.submitted and record.open]

    def _own(self, client: str, job: str) -> Record:
        self._expire()
        record = self.records.get(job)
        if record is None or not record.submitted or record.job.client != client:
            raise UnknownJob("there is no such job; it may have expired")
        return record

    def _held(self, consumer: str, item: Item) -> Place | None:
        record = self.records.get(item.job)
        place = record.delivered.get(item.entry) if record else None
        return place if place and place.holder == consumer else None

    def _expire(self) -> None:
        now = time.time()
        self.records = {name: record for name, record in self.records.items() if record.job.expires > now}
        self.keys = {key: known for key, known in self.keys.items() if known[0] in self.records}
