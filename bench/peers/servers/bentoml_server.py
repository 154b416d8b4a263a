"""BentoML: a service with a batchable API, whose dispatcher sizes the batches itself ("adaptive batching")."""

import bentoml
from pydantic import BaseModel

from bench.peers.attempts import Solver
from bench.peers.grids import Asked
from bench.peers.options import Options

options = Options.read()


class Puzzle(BaseModel):
    grid: str
    guessed: bool


class Solution(BaseModel):
    grid: str
    verified: bool


@bentoml.service(
    workers=options.workers,  # processes, each with a dispatcher and a model of its own; the documentation: one a core
    threads=1,  # one batch at a time in each
    traffic={"timeout": 600},  # else a request that waited for 60 s is refused
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class Sudoku:
    def __init__(self) -> None:
        self.solver = Solver(options)

    # How long to wait is learned from the traffic. `max_latency_ms` is no such wait: requests that would take longer are refused, so it stays
    # at its default, a minute, and only the size is swept.
    @bentoml.api(batchable=True, max_batch_size=options.batch, max_latency_ms=60_000)
    def solve(self, puzzles: list[Puzzle]) -> list[Solution]:
        asked = [Asked(grid=puzzle.grid, guessed=puzzle.guessed) for puzzle in puzzles]
        return [Solution(**answer) for answer in self.solver(asked)]
