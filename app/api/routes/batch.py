"""`POST /v1/solve/batch`: many puzzles in, their answers out, in order or one by one as they halt."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from app.api.accept import prefers
from app.api.answers import options, written
from app.api.deps import ClientGone, Needs, Services, while_connected
from app.api.errors import MOST_ERRORS, PROBLEMS, document
from app.api.guard import charge
from app.api.schemas import BatchIn, BatchOut
from app.api.visits import CLIENT_GONE
from app.batch import Batch, Result
from app.errors import FieldError, InvalidRequest, NotFound, TRMError
from app.logs import request_id
from app.solver import Solution

JSON, NDJSON = "application/json", "application/x-ndjson"
LINES = '{"index":1,"id":"…-1","status":"solved",…}\n{"index":0,"type":"/problems/deadline-exceeded","title":"…","status":504,"detail":"…"}\n'
ITEM = {
    "required": ["index"],
    "properties": {"index": {"type": "integer"}},
    "anyOf": BatchOut.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]["results"]["items"]["anyOf"],
}
RESPONSES: dict[int | str, dict[str, object]] = {status: response for status, response in PROBLEMS.items() if status != 504}
RESPONSES[200] = {"content": {NDJSON: {"itemSchema": ITEM, "example": LINES}}}
router = APIRouter(prefix="/v1", tags=["solve"])


@dataclass(frozen=True, slots=True)
class Opened:
    """A batch in progress and what its answers need."""

    batch: Batch
    body: BatchIn
    services: Services
    identity: str
    started: float

    async def in_order(self) -> bytes:
        """One document of all results."""
        results = [b""] * len(self.body.puzzles)
        async for index, result in self.batch:
            results[index] = self._document(index, result)
        return b'{"results":[%s]}' % b",".join(results)

    async def as_they_halt(self) -> AsyncIterator[bytes]:
        """A line a result, which begins with its index."""
        async for index, result in self.batch:
            yield b'{"index":%d,%s\n' % (index, self._document(index, result)[1:])

    def _document(self, index: int, result: Result) -> bytes:
        """What came of one puzzle: its answer, or the problem in its place."""
        if not isinstance(result, Solution):
            return document(result, self.services.metrics)
        puzzle = self.body.puzzles[index]
        return written(result, self.services.solver.families[puzzle.type], puzzle.grid, f"{self.identity}-{index}", self.started)


async def read(body: BatchIn, services: Services, batch: Batch) -> None:
    """Add all puzzles, which are started while others are read. Raises `InvalidRequest` that points to those that could not be solved, or `NotFound`."""
    wrong, chosen = list[InvalidRequest](), options(body.options)
    for index, puzzle in enumerate(body.puzzles):
        place = f"/puzzles/{index}"
        try:
            prepared = services.solver.prepare(puzzle.type, puzzle.grid, body.model, chosen, puzzle.puzzle_id, place=place, bulk=True)
        except InvalidRequest as error:
            if not wrong:
                await batch.close()  # it is refused for sure; what else is wrong with it is still told
            wrong.append(error)
            if len(wrong) == MOST_ERRORS:
                break
        except NotFound as error:
            raise type(error)(f"puzzle {index}: {error.detail}", fields=(FieldError(place, error.detail),)) from error
        if wrong:
            await batch.turn.end()
        else:
            await batch.add(prepared)
    if wrong:
        fields = tuple(dict.fromkeys(field for error in wrong for field in error.fields))[:MOST_ERRORS]  # an option out of range is so for every puzzle
        raise type(wrong[0])("; ".join(f"{field.pointer}: {field.detail}" for field in fields), fields=fields)


@asynccontextmanager
async def begun(body: BatchIn, request: Request, services: Services) -> AsyncIterator[Batch]:
    """The batch with all of its puzzles, given up at the end of the context. Raises what `read` raises, or `QueueFull`."""
    most, count = services.batches.most, len(body.puzzles)
    if count > most:
        detail = f"a batch has at most {most} puzzles, not {count}"
        raise InvalidRequest(detail, fields=(FieldError("/puzzles", detail),))
    async with services.batches.open(count) as batch:
        try:
            await read(body, services, batch)
        except TRMError:
            await charge(request, max(1, len(batch.started)))  # those that were begun
            raise
        await charge(request, count)
        yield batch


async def opened(body: BatchIn, request: Request, services: Needs) -> AsyncIterator[Opened]:
    """The batch, open until the response has been sent, or its client has left."""
    started = time.perf_counter()
    async with begun(body, request, services) as batch:
        yield Opened(batch, body, services, request_id.get() or "", started)


@router.post("/solve/batch", response_model=BatchOut, responses=RESPONSES)
async def solve_batch(request: Request, batch: Annotated[Opened, Depends(opened)]) -> Response:
    """Solve many puzzles. One that cannot be read refuses the batch, and those that were begun are given up; what fails later is a problem in its place.

    With `Accept: application/x-ndjson` there is one line for each puzzle as it halts, the result with its `index`. A batch is not refused for a full
    queue: it waits for room, within its deadline, and goes behind single puzzles.
    """
    if prefers(request.headers.getlist("accept"), NDJSON, JSON):
        return StreamingResponse(batch.as_they_halt(), media_type=NDJSON, headers={"X-Accel-Buffering": "no"})
    try:
        return Response(await while_connected(request, batch.in_order()), media_type=JSON)
    except ClientGone:
        return Response(status_code=CLIENT_GONE)
