"""The upload of a job: lines checked as they come and handed on some hundred at a time, so that memory holds no more of them. Knows no routes.

All puzzles are checked before the job exists. With `on_error=stop` those that cannot be read refuse it, and the first ten are told; with `continue` each of
them is a result from the start.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.api.errors import MOST_ERRORS
from app.api.lines import Lines, problem, read
from app.api.schemas import TermsIn
from app.errors import Draining, FieldError, InvalidRequest, JobsUnavailable, NotFound
from app.jobs.base import Job, JobStore

CHUNK, CHUNK_BYTES = 500, 1 << 20
"""Lines that are handed to the store at once; fewer where they have so many bytes."""
BREATH = 20
"""Lines that are checked before others have their turn."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has sent a request: the name that it was let in under, empty where anybody is, and how many jobs it may have open, if it has a quota of its own."""

    name: str = ""
    jobs: int | None = None


class Upload:
    """One upload. `most` puzzles may be in it, of `longest` bytes each. A place in the body is called `named`, and pointed to below `root`."""

    def __init__(self, store: JobStore, lines: Lines, terms: TermsIn, most: int, longest: int, named: str, root: str) -> None:
        self.store, self.lines, self.terms, self.most, self.longest, self.named, self.root = store, lines, terms, most, longest, named, root
        self.count, self.bytes, self.hash = 0, 0, hashlib.sha256(terms.model_dump_json().encode())
        self.puzzles, self.refused = list[tuple[int, bytes]](), list[bytes]()
        self.wrong, self.bad = list[FieldError](), 0

    async def send(self, client: Caller, key: str, lines: AsyncIterator[tuple[int, bytes]], *, stop: bool) -> tuple[Job, bool]:
        """Upload all lines, each with its number, and submit; True if the job was there already.

        Raises `InvalidRequest` for an empty upload, one with too many puzzles and, with `stop`, one with bad ones; and what `JobStore.submit` raises.
        """
        self.hash.update(b"stop" if stop else b"continue")
        draft, kept = await self.store.open(client.name, self.terms.model_dump_json().encode()), False
        try:
            async for number, line in lines:
                await self._add(draft, number, line, stop=stop)
            if self.wrong:
                raise InvalidRequest("; ".join(field.detail for field in self.wrong), fields=tuple(self.wrong))
            if not self.count:
                raise InvalidRequest("there is no puzzle in the body")
            await self._flush(draft)
            kept = key != ""  # whoever sends it again, perhaps to another server and already now, finds what became of it
            return await self.store.submit(draft, key, self.hash.hexdigest(), client.jobs)
        except BaseException:  # a client that leaves cancels this
            if not kept:
                with contextlib.suppress(JobsUnavailable):  # then it is there for a while, unseen
                    await asyncio.shield(self.store.discard(draft))
            raise

    async def _add(self, draft: str, number: int, line: bytes, *, stop: bool) -> None:
        if self.lines.solver.draining:
            raise Draining("the service is shutting down", retry_after=self.lines.solver.pool.retry_after())
        if self.count >= self.most:
            raise InvalidRequest(f"a job has at most {self.most} puzzles")
        self.hash.update(line + b"\n")
        if len(self.wrong) < MOST_ERRORS:  # once it is refused for sure, the rest is read and left
            self._check(number, line, stop=stop)
        self.count, self.bytes = self.count + 1, self.bytes + len(line)
        if len(self.puzzles) + len(self.refused) >= CHUNK or self.bytes >= CHUNK_BYTES:
            await self._flush(draft)
        elif self.count % BREATH == 0:
            await asyncio.sleep(0)

    def _check(self, number: int, line: bytes, *, stop: bool) -> None:
        try:
            puzzle = read(line, self.longest)
            self.lines.prepare(puzzle, self.terms)
        except (InvalidRequest, NotFound) as error:
            place = f"{self.named} {number}: "
            if not stop:
                self.refused.append(problem(self.count, type(error)(place + error.detail, fields=error.fields)))
            elif isinstance(error, NotFound):
                raise type(error)(place + error.detail, fields=(FieldError(f"{self.root}/{number}", error.detail),)) from error
            elif any(field.pointer.startswith("/options") for field in error.fields):
                raise  # it is so for every puzzle
            else:
                within = error.fields[0].pointer if error.fields else ""
                self.wrong.append(FieldError(f"{self.root}/{number}{within}", place + error.detail))
        else:
            self.puzzles.append((self.count, puzzle.model_dump_json(exclude_unset=True).encode()))  # a line may be long and say little

    async def _flush(self, draft: str) -> None:
        if not self.wrong:
            await self.store.append(draft, self.puzzles, self.refused)
            self.bad += len(self.refused)
        self.puzzles, self.refused, self.bytes = [], [], 0
