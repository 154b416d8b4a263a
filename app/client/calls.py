"""Every call of the API as a value: the request to send and how its answer is read. Does no IO, so that both clients share it."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ValidationError

from app.client.errors import Unexpected, Unreachable, refusal
from app.client.puzzles import Grid, JobOptions, OnError, Options, Puzzle
from app.client.results import Answer, AnyResult, Index, Job, Model, ModelList, Problem, Result, ResultList, Step
from app.errors import mistakes

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Kind = TypeVar("Kind", bound=BaseModel)
NDJSON, EVENTS = "application/x-ndjson", "text/event-stream"
USUAL_DEADLINE_MS = 10_000
"""What the service gives a puzzle unless it is told otherwise."""
UPLOAD_SECONDS = 60.0
"""How long the service may take to read all puzzles of a job."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. The service keeps to its own `deadline`, in seconds, so an answer is worth waiting for until a little after it."""

    method: str
    path: str
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    deadline: float = 0.0


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request whose answer is read as a whole. `read` raises `Unexpected`."""

    request: Request
    read: Callable[[bytes], T]


class Decoder(Protocol[T_co]):
    """What makes values of a response as it arrives."""

    def line(self, line: bytes) -> Iterator[T_co]:
        """The values that this line, without its end, completes. Raises `Refused` if it says so, and `Unexpected`."""

    def end(self) -> None:
        """The response has ended. Raises `Unreachable` if it is not whole."""


class Lines(Generic[T]):
    """Cuts what arrives into lines for a decoder."""

    def __init__(self, decoder: Decoder[T]) -> None:
        self.decoder, self.begun = decoder, b""

    def feed(self, chunk: bytes) -> Iterator[T]:
        """The values that are complete with these bytes."""
        *lines, self.begun = (self.begun + chunk).split(b"\n")
        for line in lines:
            yield from self.decoder.line(line.removesuffix(b"\r"))

    def end(self) -> None:
        """See `Decoder.end`."""
        self.decoder.end()


@dataclass(frozen=True, slots=True)
class Stream(Generic[T]):
    """A request whose answer is read piece by piece, each time by a new decoder."""

    request: Request
    decoder: Callable[[], Decoder[T]]


class Results:
    """(index, answer or problem), a line each; of a batch until there are as many as puzzles, of a job as many as there are."""

    def __init__(self, expected: int | None) -> None:
        self.missing = expected

    def line(self, line: bytes) -> Iterator[tuple[int, Result]]:
        """See `Decoder.line`."""
        if line:
            self.missing = None if self.missing is None else self.missing - 1
            yield read(Index, line).index, read(AnyResult, line).root

    def end(self) -> None:
        """See `Decoder.end`."""
        if self.missing:
            raise Unreachable(f"the answer broke off, {self.missing} results before its end")


class Events:
    """Of a stream: step after step, then the answer; an `error` event is raised."""

    def __init__(self) -> None:
        self.name, self.finished = "", False

    def line(self, line: bytes) -> Iterator[Step | Answer]:
        """See `Decoder.line`."""
        label, _, value = line.partition(b":")
        if label == b"event":
            self.name = value.strip().decode()
        elif label == b"data":
            yield from self._event(value.strip())

    def _event(self, data: bytes) -> Iterator[Step | Answer]:
        if self.name == "error":
            raise refusal(read(Problem, data))
        self.finished = self.name == "result"
        yield read(Answer, data) if self.finished else read(Step, data)

    def end(self) -> None:
        """See `Decoder.end`."""
        if not self.finished:
            raise Unreachable("the stream broke off before its result")


def solve(puzzle: Grid | Puzzle, model: str | None, options: Options) -> Call[Answer]:
    """`POST /v1/solve`."""
    return Call(_post("/v1/solve", {"puzzle": Puzzle.of(puzzle).document()}, model, options), lambda content: read(Answer, content))


def batch(puzzles: Iterable[Grid | Puzzle], model: str | None, options: Options) -> Call[list[Result]]:
    """`POST /v1/solve/batch` as one document."""
    return Call(_batch(list(puzzles), model, options), lambda content: read(ResultList, content).results)


def each(puzzles: Iterable[Grid | Puzzle], model: str | None, options: Options) -> Stream[tuple[int, Result]]:
    """`POST /v1/solve/batch` line by line."""
    listed = list(puzzles)
    return Stream(_batch(listed, model, options, accept=NDJSON), lambda: Results(len(listed)))


def stream(puzzle: Grid | Puzzle, model: str | None, options: Options) -> Stream[Step | Answer]:
    """`POST /v1/solve/stream`."""
    return Stream(_post("/v1/solve/stream", {"puzzle": Puzzle.of(puzzle).document()}, model, options, accept=EVENTS), Events)


def submit(puzzles: Iterable[Grid | Puzzle], model: str | None, key: str | None, on_error: OnError, options: JobOptions) -> Call[Job]:
    """`POST /v1/jobs`, a puzzle a line. Without a key of its own a job has a new one, so that trying again does not make it twice."""
    lines = b"".join(json.dumps(Puzzle.of(puzzle).document()).encode() + b"\n" for puzzle in puzzles)
    query = urlencode({**({} if model is None else {"model": model}), "on_error": on_error, **options})
    headers = {"content-type": NDJSON, "idempotency-key": key or uuid.uuid4().hex}
    return Call(Request("POST", f"/v1/jobs?{query}", lines, headers, UPLOAD_SECONDS), lambda content: read(Job, content))


def job(identity: str) -> Call[Job]:
    """`GET /v1/jobs/{id}`."""
    return Call(Request("GET", _job(identity)), lambda content: read(Job, content))


def cancel(identity: str) -> Call[Job]:
    """`DELETE /v1/jobs/{id}`."""
    return Call(Request("DELETE", _job(identity)), lambda content: read(Job, content))


def job_results(identity: str, after: int) -> Stream[tuple[int, Result]]:
    """`GET /v1/jobs/{id}/results`."""
    return Stream(Request("GET", f"{_job(identity)}/results?after={after}"), lambda: Results(None))


def models() -> Call[list[Model]]:
    """`GET /v1/models`."""
    return Call(Request("GET", "/v1/models"), lambda content: read(ModelList, content).models)


def model(name: str) -> Call[Model]:
    """`GET /v1/models/{name}`."""
    return Call(Request("GET", f"/v1/models/{quote(name, safe='')}"), lambda content: read(Model, content))


def _job(identity: str) -> str:
    return f"/v1/jobs/{quote(identity, safe='')}"


def _post(path: str, document: dict[str, object], model: str | None, options: Options, accept: str = "application/json") -> Request:
    body = document | ({} if model is None else {"model": model}) | {"options": options}
    headers = {"content-type": "application/json", "accept": accept}
    return Request("POST", path, json.dumps(body).encode(), headers, options.get("timeout_ms", USUAL_DEADLINE_MS) / 1000)


def _batch(puzzles: list[Grid | Puzzle], model: str | None, options: Options, accept: str = "application/json") -> Request:
    return _post("/v1/solve/batch", {"puzzles": [Puzzle.of(puzzle).document() for puzzle in puzzles]}, model, options, accept)


def read(kind: type[Kind], content: bytes) -> Kind:
    """JSON as a value of this kind; fields that it does not know are left out, since a newer service may have more."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise Unexpected(f"what came is no {kind.__name__}: {mistakes(error)}") from error
