"""`/v1/jobs`: many puzzles handed over, their progress, their results, their end. All of it answers 503 while the store of jobs is away."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from app.api.deps import Client, Needs, Services
from app.api.errors import MEDIA_TYPE, PROBLEMS
from app.api.lines import split
from app.api.routes.batch import ITEM, JSON, LINES, NDJSON
from app.api.schemas import CountsOut, JobIn, JobOptionsIn, JobOut, JobQuery, ProblemOut, TermsIn
from app.api.uploads import Upload
from app.api.visits import CLIENT_GONE
from app.errors import BodyNotJSON, BodyTooLarge, InvalidRequest, JobsUnavailable, UnknownJob, UnsupportedMediaType
from app.jobs.base import Job

KINDS = (NDJSON, "application/ndjson", "application/jsonl")
PAGE = 500
"""Result lines that are read from the store at once."""
DOCUMENT = JobIn.model_json_schema(ref_template="#/components/schemas/{model}")
DOCUMENT["properties"] |= {
    "options": JobOptionsIn.model_json_schema(),
    "puzzles": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/PuzzleIn"}},
}
DOCUMENT.pop("$defs")
PUZZLES = '{"type":"sudoku","grid":"53..7....6..195…"}\n{"type":"maze","grid":["S #  ","# # #","     "," ### ","   #G"]}\n'
BODY = {"required": True, "content": {JSON: {"schema": DOCUMENT}, NDJSON: {"itemSchema": {"$ref": "#/components/schemas/PuzzleIn"}, "example": PUZZLES}}}


def _problem(meaning: str) -> dict[str, object]:
    return {"model": ProblemOut, "description": meaning, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}}


Responses = dict[int | str, dict[str, object]]
AWAY: Responses = {503: _problem("The store of jobs is away or full, or the server is shutting down; see Retry-After")}
UNKNOWN: Responses = {404: _problem("No such job of this client, or it has expired"), **AWAY}
CREATION: Responses = {
    **{status: PROBLEMS[status] for status in (400, 404, 413, 415, 422)},
    429: _problem("This client has as many jobs or puzzles open as it may"),
    **AWAY,
}
RESULTS: Responses = {200: {"content": {NDJSON: {"itemSchema": ITEM, "example": LINES}}}, 422: PROBLEMS[422], **UNKNOWN}
router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


def shown(job: Job) -> JobOut:
    """A job as JSON."""
    counts = job.counts
    return JobOut(
        id=job.id,
        status=job.status,
        counts=CountsOut(total=counts.total, solved=counts.solved, unsolved=counts.unsolved, failed=counts.failed, pending=counts.pending),
        created_at=datetime.fromtimestamp(job.created, UTC),
        ended_at=None if job.ended is None else datetime.fromtimestamp(job.ended, UTC),
        expires_at=datetime.fromtimestamp(job.expires, UTC),
    )


@router.post("", status_code=202, response_model=JobOut, responses=CREATION, openapi_extra={"requestBody": BODY})
async def create(
    request: Request,
    response: Response,
    services: Needs,
    client: Client,
    query: Annotated[JobQuery, Query()],
    idempotency_key: Annotated[str, Header(max_length=255, description="The same job again is not made again, but found.")] = "",
) -> JobOut | Response:
    """Hand over many puzzles, to be solved when no single puzzle waits: as JSON, or a puzzle a line (NDJSON) with the terms as query parameters.

    All are checked before the job exists. With `on_error=continue` those that cannot be read have the reason as their result.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind in KINDS:
            upload, lines, on_error = _lines(request, services, query)
        elif kind == JSON or kind.endswith("+json"):
            upload, lines, on_error = await _document(request, services)
        else:
            raise UnsupportedMediaType(f"send the body as content-type: {NDJSON} or {JSON}, not {kind or 'without one'}")
        job, known = await upload.send(client, idempotency_key, lines, stop=on_error == "stop")
    except ClientDisconnect:
        return Response(status_code=CLIENT_GONE)
    if not known:
        services.metrics.jobs_created.inc()
        services.metrics.jobs_puzzles.inc("failed", by=upload.bad)
        if job.ended is not None:  # not one of its puzzles could be read
            services.metrics.jobs_finished.inc(job.status)
    response.headers["Location"] = f"{router.prefix}/{job.id}"
    return shown(job)


def _lines(request: Request, services: Services, query: JobQuery) -> tuple[Upload, AsyncIterator[tuple[int, bytes]], str]:
    """An upload of a puzzle a line."""
    jobs, options = services.jobs, query.model_dump(exclude={"model", "on_error"}, exclude_unset=True)
    terms = TermsIn(model=query.model, options=JobOptionsIn(**options))
    upload = Upload(jobs.store, jobs.lines, terms, jobs.puzzles, jobs.line_bytes, "line", "")
    return upload, split(request.stream(), jobs.line_bytes), query.on_error


async def _document(request: Request, services: Services) -> tuple[Upload, AsyncIterator[tuple[int, bytes]], str]:
    """An upload of one JSON document."""
    jobs = services.jobs
    if request.query_params:
        raise InvalidRequest("with a JSON body, model, options and on_error stand in the body")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > jobs.document_bytes:
            raise BodyTooLarge(f"a JSON body is over {jobs.document_bytes} bytes; send one puzzle a line, as {NDJSON}")
    try:
        given = JobIn.model_validate(json.loads(body))
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error
    except (ValueError, RecursionError) as error:
        raise BodyNotJSON(f"the body is not JSON: {error}") from error

    async def lines() -> AsyncIterator[tuple[int, bytes]]:
        for index, puzzle in enumerate(given.puzzles):
            yield index, json.dumps(puzzle, ensure_ascii=True).encode()

    terms = TermsIn(model=given.model, options=given.options)
    return Upload(jobs.store, jobs.lines, terms, jobs.puzzles, jobs.line_bytes, "puzzle", "/puzzles"), lines(), given.on_error


@router.get("/{job}", responses=UNKNOWN)
async def read(job: str, services: Needs, client: Client) -> JobOut:
    """How far a job has come."""
    return shown(await services.jobs.store.get(client.name, job))


@router.get("/{job}/results", response_class=StreamingResponse, responses=RESULTS)
async def results(job: str, services: Needs, client: Client, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
    """The results that there are, a line each, in the order in which they came; without the first `after`, which is how many lines a client has already.

    A result is an answer or a problem, with the `index` of its puzzle. The response ends with the last result that there is now, or early if the store
    goes away: ask again, after what has come, until there are as many as puzzles.
    """
    first = await services.jobs.store.results(client.name, job, after, PAGE)

    async def pages() -> AsyncIterator[bytes]:
        page, place = first, after
        while page:
            yield b"".join(line + b"\n" for line in page)
            place += len(page)
            if len(page) < PAGE:  # that is all for now; results come as fast as they are read, and whoever waits for the last would wait for the job
                return
            try:
                page = await services.jobs.store.results(client.name, job, place, PAGE)
            except (JobsUnavailable, UnknownJob):  # it has expired meanwhile
                return

    return StreamingResponse(pages(), media_type=NDJSON, headers={"X-Accel-Buffering": "no"})


@router.delete("/{job}", responses=UNKNOWN)
async def cancel(job: str, services: Needs, client: Client) -> JobOut:
    """Cancel a job: no puzzle is begun any more, and results that are there stay. A job that has ended stays as it is."""
    found, was_open = await services.jobs.store.cancel(client.name, job)
    if was_open:
        services.metrics.jobs_finished.inc(found.status)
    return shown(found)
