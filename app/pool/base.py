"""What the rest of the service needs of a worker pool. Knows no processes, pipes or models' insides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.engine.request import Outcome, Request, TraceStep

Watch = Callable[[TraceStep], None]
"""Told each step of a puzzle as it comes, in the event loop, before the outcome; must not block."""


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """The pool at one moment: puzzles waiting and held by workers, the queue's bound, and the state of the workers."""

    waiting: int
    running: int
    places: int
    """Bulk puzzles that the workers which are ready run or start next, at most."""
    capacity: int
    workers: int
    ready: int
    live: bool
    """Whether every ready worker is idle or has stepped lately."""


class Pool(Protocol):
    """Many engines behind one door."""

    async def start(self) -> None:
        """Start the workers; returns when each has run a real step. Raises `InvalidModel` if one cannot start."""

    async def solve(self, model: str, request: Request, watch: Watch | None = None) -> Outcome:
        """Solve one puzzle; cancelling the call frees its slot. `watch` is told the steps of a request that is `watched`.

        Raises `QueueFull`, `NoWorker` or `Draining` at the door, `DeadlineExceeded` if the deadline passes while it waits,
        `StepFailed` if the model fails on it, and `WorkerLost` if workers keep dying on it. A `bulk` request that finds no room, or no worker, is not
        refused but waits outside, behind those before it.
        """

    def status(self) -> PoolStatus:
        """The pool now; never waits for a worker."""

    def retry_after(self) -> int:
        """Whole seconds after which a refused client had better come back, from the queue and the rate of late."""

    def room(self) -> int:
        """How many single puzzles may come before one is refused for a full queue; 0 or less where the next one would be."""

    async def close(self) -> None:
        """Stop the workers; what still waits or runs is refused with `Draining`."""
