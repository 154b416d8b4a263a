"""All that crosses the pipe between the pool and a worker, by direction. Values only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from app.engine.request import Finished, Request, TraceStep
from app.engine.scheduler import Refill

Backend = Literal["auto", "onnx", "torch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """How a worker is made: the models it serves from which store, on what, with how many slots a model and threads.

    `batch` is the smallest step worth running (see `Scheduler`); None measures it, and of `threads`, whether 1 or all its `cores` are faster.
    """

    store: Path
    models: tuple[str, ...]
    backend: Backend = "auto"
    device: str = "cpu"
    compiled: bool = False
    slots: int = 32
    batch: int | None = None
    threads: int | None = None
    cores: int = 1
    refill: Refill = "step"


# to the worker


class Submit(NamedTuple):
    """Solve this with that model."""

    model: str
    request: Request


class Abort(NamedTuple):
    """Nobody waits for this request any more."""

    model: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End now; what is still running is not wanted."""


ToWorker = Submit | Abort | Stop

# from the worker


class Ready(NamedTuple):
    """Every model has run a real step on this worker."""

    device: str


class Stepped(NamedTuple):
    """Steps that were run, each with its size and seconds, the first of those who `started`.

    Every message is answered by this or `Idle` soon after its next step, so silence means a worker that hangs.
    """

    model: str
    steps: tuple[tuple[int, float], ...]
    finished: tuple[Finished, ...]
    started: tuple[str, ...]


class Shown(NamedTuple):
    """What the watched requests, by id, show after the step that the next message tells of. Sent only if there are such."""

    steps: tuple[tuple[str, TraceStep], ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """Every message so far has been read and there is nothing to step."""


class Broken(NamedTuple):
    """The worker cannot go on, for the reason given; it ends by itself."""

    detail: str


FromWorker = Ready | Stepped | Shown | Idle | Broken
