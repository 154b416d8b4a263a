"""`POST /v1/solve/stream`: one puzzle in; every step out as the model takes it, then the answer, as server-sent events.

The framework would send the events of a generator by itself, but logs an error when a client leaves that has not read what was sent.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from app.api.answers import options, told
from app.api.deps import Needs, Services
from app.api.errors import PROBLEMS, document
from app.api.schemas import SolveIn, StepOut
from app.logs import request_id
from app.watching import Watching, watching

OPENING = 1.0
"""Seconds before the response begins in which the puzzle can still be refused by its status; later that is an event."""
QUIET = 15.0
"""Seconds without an event after which a comment keeps the connection open."""
EVENTS = """event: step
data: {"attempt":1,"step":1,"grid":"1324…","halt_probability":0.93,"changed":[[0,1],[0,2]]}

event: result
data: {"id":"…","status":"solved","verified":true,…}
"""
SOLVED, PROBLEM = ({"$ref": f"#/components/schemas/{name}"} for name in ("SolveOut", "ProblemOut"))
ITEM = {
    "required": ["event", "data"],
    "oneOf": [
        {"properties": {"event": {"const": name}, "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}}}
        for name, schema in (("step", StepOut.model_json_schema()), ("result", SOLVED), ("error", PROBLEM))
    ],
}
router = APIRouter(prefix="/v1", tags=["solve"])


@dataclass(frozen=True, slots=True)
class Opened:
    """A solve in progress and what its events need."""

    watch: Watching
    body: SolveIn
    question: bytes
    services: Services
    identity: str
    started: float

    async def events(self) -> AsyncIterator[bytes]:
        """`step` after `step`, then `result`, or `error`."""
        puzzle, family = self.body.puzzle, self.services.solver.families[self.body.puzzle.type]
        try:
            async for each in told(self.watch, family, puzzle.grid, self.question, self.identity, self.started):
                yield format_sse_event(event="step" if isinstance(each, StepOut) else "result", data_str=each.model_dump_json(exclude_unset=True))
        except Exception as error:  # whatever it is, the status has been sent
            yield format_sse_event(event="error", data_str=document(error, self.services.metrics).decode())


async def kept_open(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events, and a comment whenever there was none for a while."""
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait([coming], timeout=QUIET)
            if not coming.done():
                yield KEEPALIVE_COMMENT
            elif (event := coming.result()) is None:
                return
            else:
                coming = asyncio.ensure_future(anext(events, None))
                yield event
    finally:
        coming.cancel()


async def opened(body: SolveIn, services: Needs) -> AsyncIterator[Opened]:
    """The solve, in progress until the response has been sent, or its client has left."""
    started, puzzle = time.perf_counter(), body.puzzle
    prepared = services.solver.prepare(puzzle.type, puzzle.grid, body.model, options(body.options), puzzle.puzzle_id)
    async with watching(services.solver, prepared) as watch:
        await watch.begun(OPENING)
        yield Opened(watch, body, services.solver.question(prepared), services, request_id.get() or "", started)


@router.post(
    "/solve/stream",
    response_class=Response,
    responses={**PROBLEMS, 200: {"content": {"text/event-stream": {"itemSchema": ITEM, "example": EVENTS}}}},
)
async def solve_stream(stream: Annotated[Opened, Depends(opened)]) -> StreamingResponse:
    """Solve one puzzle and watch the model think: a `step` event after each step, a last `result` event with the answer.

    What fails once the response has begun is a last `error` event with a problem. A client that reads too slowly misses steps, never the result, and holds
    nothing up. Nothing comes from the cache. Comments keep the connection open while nothing happens.
    """
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(kept_open(stream.events()), media_type="text/event-stream", headers=headers)
