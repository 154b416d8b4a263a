"""What an engine is asked and what it answers, as values. Standard library only; everything here crosses process boundaries, named tuples the quickest."""

from typing import Literal, NamedTuple

Halt = Literal["verified", "learned", "never"]
HaltReason = Literal["verified", "learned", "max_steps", "deadline"]


class Copy(NamedTuple):
    """An augmented copy of a puzzle as a model was trained on it: the row of its puzzle embedding and its name."""

    puzzle_id: int
    name: str


class Request(NamedTuple):
    """One puzzle to solve.

    `cells` are the input tokens, one byte a cell. `max_steps` bounds each attempt. `deadline` is a `time.monotonic()` value in
    seconds, which all processes of one machine share. `copies`, of a puzzle that the model knows by name, are what the attempts run on, in
    order; there are as many at least. `bulk` puzzles are of a batch or a job: nobody waits for one of them alone, so the others go first.
    """

    id: str
    cells: bytes
    halt: Halt
    max_steps: int
    attempts: int
    deadline: float
    trace: bool = False
    watched: bool = False
    """Whether somebody wants to see each step as it comes, rather than all of them in the outcome's trace."""
    copies: tuple[Copy, ...] = ()
    bulk: bool = False
    timed: bool = False
    """Whether the outcome tells when each step ran."""


class TraceStep(NamedTuple):
    """The model's answer after one step of one attempt, in the orientation of the request."""

    attempt: int
    step: int
    cells: bytes
    halt_probability: float


class StepTime(NamedTuple):
    """When one step of one attempt ran, with how many puzzles in its batch; `ended` is a `time.monotonic()` value, both times are in seconds."""

    attempt: int
    step: int
    ended: float
    seconds: float
    batch_size: int
    halt_probability: float


class Outcome(NamedTuple):
    """The answer to a request that ran. `verified` is None where no rule can tell; `steps` counts over all attempts."""

    id: str
    cells: bytes
    verified: bool | None
    steps: int
    attempts: int
    halt_reason: HaltReason
    halt_probability: float
    queue_seconds: float
    solve_seconds: float
    trace: tuple[TraceStep, ...] = ()
    timeline: tuple[StepTime, ...] = ()


class Expired(NamedTuple):
    """The deadline passed before the request got a slot."""

    id: str


class Failed(NamedTuple):
    """The model failed on this request alone: its step raised an error, or gave numbers that are not finite.

    `detail` is for whoever asked; `cause`, in the words of the runtime, for the log.
    """

    id: str
    kind: Literal["raised", "not_finite"]
    detail: str
    cause: str


Finished = Outcome | Expired | Failed
