"""What jobs are made of, and what the service needs of a store of them. Knows lines, not puzzles; no Redis, no HTTP.

A job is many puzzles that are handed over, worked off by whichever consumer has room, and whose results are fetched at any time. Delivery is at least
once, results are exactly once: only the first result of an item is taken, together with the item's end, in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.errors import JobsUnavailable

Status = Literal["queued", "running", "completed", "cancelled", "failed"]
"""`failed`: it has ended and not one of its puzzles could be answered."""
Kind = Literal["solved", "unsolved", "failed"]

MOST_DELIVERIES = 5
"""An item that was delivered so often without a result is given up."""
SUSPECT = 2
"""After so many, none with a reason noted, it is delivered alone, to a consumer that holds nothing else: if it is deadly, no other item suffers any more."""
DRAFT_SECONDS = 300
"""How long an upload that has stopped is kept."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Puzzles of a job, and those that have a result, by kind."""

    total: int = 0
    solved: int = 0
    unsolved: int = 0
    failed: int = 0

    @property
    def pending(self) -> int:
        """Puzzles without a result."""
        return self.total - self.solved - self.unsolved - self.failed


@dataclass(frozen=True, slots=True)
class Job:
    """A job at one moment; times are Unix seconds. After `expires` nothing of it is kept."""

    id: str
    client: str
    status: Status
    counts: Counts
    created: float
    ended: float | None
    expires: float


@dataclass(frozen=True, slots=True)
class Item:
    """One puzzle of a job in a consumer's hands. `entry` is its place in the store, `line` the puzzle, `terms` what goes for all of the job."""

    job: str
    entry: str
    index: int
    line: bytes
    terms: bytes
    deliveries: int
    reason: str
    """Why an earlier delivery had no result, as far as is known."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Items for one consumer, leased to it. `suspects`: whether others wait until it holds nothing."""

    items: tuple[Item, ...]
    suspects: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The result of an item."""

    item: Item
    kind: Kind
    line: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """Which of the results were taken (the others' items had one already, or their job is gone), and how the jobs have ended that are done now."""

    kinds: tuple[Kind, ...]
    ended: tuple[Status, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """Puzzles of all open jobs that have no result, and the age of the oldest such job, in seconds."""

    pending: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may have open, and times in seconds: a job is kept for `keep` from its creation and again from its end, an item is leased for `lease`."""

    jobs: int
    puzzles: int
    keep: float
    lease: float


def lost(draft: str) -> JobsUnavailable:
    """The error of an upload that is not there any more."""
    return JobsUnavailable(f"the upload {draft} was lost; send it again")


class JobStore(Protocol):
    """Jobs, their items and results. Every method raises `JobsUnavailable` when the store cannot be reached or takes nothing."""

    async def close(self) -> None:
        """Let go of what it holds; what is stored elsewhere stays there."""

    # for clients

    async def open(self, client: str, terms: bytes) -> str:
        """Begin an upload; its id. Nobody sees it before `submit`."""

    async def append(self, draft: str, puzzles: Sequence[tuple[int, bytes]], refused: Sequence[bytes]) -> None:
        """Add puzzles, by index, and results of those that could not be read. Raises `JobsUnavailable` also for an upload that is gone."""

    async def discard(self, draft: str) -> None:
        """Forget an upload, and what became of it if `submit` was not answered."""

    async def submit(self, draft: str, key: str, fingerprint: str, most: int | None = None) -> tuple[Job, bool]:
        """Make a job of an upload; True if it was there already, under the client's `key` (none if empty), and the upload is forgotten.

        `most` jobs may the client have open, if it has a quota of its own. Raises `QuotaExceeded` beyond its limits, and `KeyReused` if the job of that key
        has another `fingerprint`.
        """

    async def get(self, client: str, job: str) -> Job:
        """A job of this client. Raises `UnknownJob`."""

    async def results(self, client: str, job: str, after: int, count: int) -> list[bytes]:
        """Result lines in the order in which they came, `count` at most, without the first `after`. Raises `UnknownJob`."""

    async def cancel(self, client: str, job: str) -> tuple[Job, bool]:
        """End an open job, keeping its results; True if it was open. Raises `UnknownJob`."""

    # for consumers

    async def take(self, consumer: str, count: int, *, alone: bool) -> Taken:
        """Lease at most so many items, those whose lease ran out first; jobs take turns. `alone`: the consumer holds nothing."""

    async def renew(self, consumer: str, items: Sequence[Item]) -> list[Item]:
        """Lease them anew; those that are the consumer's no longer."""

    async def finish(self, done: Sequence[Done]) -> Written:
        """Store results and end their items, each together."""

    async def release(self, consumer: str, items: Sequence[Item]) -> None:
        """Give items back for others to take at once; this delivery does not count."""

    async def note(self, item: Item, reason: str) -> None:
        """Remember why a delivery had no result."""

    async def wait(self, seconds: float) -> None:
        """Return when there may be items to take, or after so long."""

    async def backlog(self) -> Backlog:
        """What there is to do."""
