"""What a server under test is told, through its environment. Both sides of the process boundary import this and nothing else of each other."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Literal, Self

MODEL = "sudoku"
"""The model of the store that all of them serve."""

Rows = Literal["shrink", "keep"]
"""What a batch does with rows that are solved: leave them out of its further steps, or step them on until all are done."""
Step = Literal["onnx", "auto"]
"""What steps a peer's batch: ONNX Runtime, as anybody would have it do, or what our own workers take for the quickest, the step in C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`batch`: most requests in one batch, `wait_ms`: how long one waits to fill; both for each of the `workers` processes of `threads` threads.

    `variant`: the name of a way to run the server that it offers beside these.
    """

    port: int
    workers: int
    threads: int
    batch: int
    wait_ms: int
    variant: str = ""
    rows: Rows = "shrink"
    step: Step = "onnx"

    def environment(self) -> dict[str, str]:
        """The variables from which `read` makes the same options."""
        return {"BENCH_OPTIONS": json.dumps(asdict(self))}

    @classmethod
    def read(cls) -> Self:
        """The options of the process that this runs in."""
        return cls(**json.loads(os.environ["BENCH_OPTIONS"]))
