"""The JSON of the HTTP contract as pydantic models. Knows field names and ranges; no puzzles' rules, no solving."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, WithJsonSchema

NEWSPAPER = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
MAZE = ["S #  ", "# # #", "     ", " ### ", "   #G"]
STRING, ROWS = {"type": "string"}, {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}
LINES = {"type": "array", "items": {"type": "string"}}
Grid = Annotated[
    object,
    WithJsonSchema({"anyOf": [STRING, ROWS, LINES]}),
    Field(
        description="A Sudoku of 4x4, 6x6 or 9x9: one character a cell, row by row, `.` or `0` for empty; or a list of rows of integers, 0 for empty. "
        "A maze of 5x5 to 30x30: a list of equally long strings of `#` for a wall, space, one `S` and one `G`; in a solution, `o` marks the path. "
        "An ARC grid of 1x1 to 30x30: a list of rows of colours 0 to 9; the solution may have another size."
    ),
]
"""Any JSON value here: the family's codec reads it, and its errors name the cells."""


def family_of(grid: object, puzzle_id: str | None) -> str:
    """The family that a grid tells without saying so: with an id it is ARC's, a list of strings is a maze, anything else a Sudoku."""
    if puzzle_id is not None:
        return "arc"
    return "maze" if isinstance(grid, list | tuple) and grid and isinstance(grid[0], str) else "sudoku"


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PuzzleIn(_In):
    """A puzzle: its family and its grid; of ARC also which task it belongs to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "sudoku", "grid": NEWSPAPER}, {"type": "maze", "grid": [*MAZE]}]})
    type: Literal["sudoku", "maze", "arc"]
    grid: Grid
    puzzle_id: Annotated[StrictStr | None, Field(description="Of ARC, and needed there: the task, one of those that the model was trained on.")] = None


class _Options(_In):
    max_steps: Annotated[StrictInt | None, Field(ge=1, description="Most steps of each attempt.")] = None
    halt: Annotated[Literal["verified", "learned", "never"] | None, Field(description="When an attempt ends before max_steps.")] = None
    attempts: Annotated[StrictInt | None, Field(ge=1, description="Most attempts, each on another symmetric copy; of ARC, votes of trained copies.")] = None
    cache: Annotated[Literal["use", "refresh", "bypass"], Field(description="Whether to read and write the cache.")] = "use"


class OptionsIn(_Options):
    """How to solve; what is left out is the model's default."""

    timeout_ms: Annotated[StrictInt, Field(ge=1, le=600_000, description="Deadline, from arrival, in milliseconds.")] = 10_000
    trace: Annotated[StrictBool, Field(description="Whether to return the answer after every step.")] = False


class JobOptionsIn(_Options):
    """How to solve each puzzle of a job; what is left out is the model's default."""

    timeout_ms: Annotated[StrictInt, Field(ge=1, le=600_000, description="Time for each puzzle, from when a server takes it up, in milliseconds.")] = 60_000


class SolveIn(_In):
    """One puzzle to solve."""

    puzzle: PuzzleIn
    model: Annotated[StrictStr | None, Field(description="A model's or family's name; left out, the family's default.")] = None
    options: Annotated[OptionsIn, Field(default_factory=OptionsIn)]


class BatchIn(_In):
    """Many puzzles to solve, of any families and sizes, with the same options."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"puzzles": [{"type": "sudoku", "grid": NEWSPAPER}, {"type": "maze", "grid": [*MAZE]}]}]})
    puzzles: Annotated[list[PuzzleIn], Field(min_length=1, description="At most 1,000, unless the server is set otherwise.")]
    model: Annotated[StrictStr | None, Field(description="A model's or family's name for all of them; left out, each family's default.")] = None
    options: Annotated[OptionsIn, Field(default_factory=OptionsIn)]


class TermsIn(_In):
    """What goes for all puzzles of a job."""

    model: Annotated[StrictStr | None, Field(description="A model's or family's name for all of them; left out, each family's default.")] = None
    options: Annotated[JobOptionsIn, Field(default_factory=JobOptionsIn)]


OnError = Annotated[
    Literal["stop", "continue"],
    Field(description="A puzzle that cannot be read refuses the whole job (`stop`), or has the reason in its result (`continue`)."),
]


class JobIn(TermsIn):
    """Many puzzles to solve in the background."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"puzzles": [{"type": "sudoku", "grid": NEWSPAPER}, {"type": "maze", "grid": [*MAZE]}]}]})
    puzzles: Annotated[list[object], Field(min_length=1, description="At most 100,000, unless the server is set otherwise, each as in a batch.")]
    on_error: OnError = "stop"


class JobQuery(_In):
    """The same as query parameters, where the body is lines of puzzles."""

    model: str | None = None
    halt: Literal["verified", "learned", "never"] | None = None
    max_steps: Annotated[int | None, Field(ge=1)] = None
    attempts: Annotated[int | None, Field(ge=1)] = None
    timeout_ms: Annotated[int, Field(ge=1, le=600_000)] = 60_000
    cache: Literal["use", "refresh", "bypass"] = "use"
    on_error: OnError = "stop"


class CountsOut(BaseModel):
    """Puzzles of a job: all, those with a result by its kind, and those without."""

    total: int
    solved: int
    unsolved: int
    failed: int
    pending: int


class JobOut(BaseModel):
    """A job. `failed` is one that has ended without an answer to any of its puzzles; after `expires_at` nothing of it is kept."""

    id: str
    status: Literal["queued", "running", "completed", "cancelled", "failed"]
    counts: CountsOut
    created_at: datetime
    ended_at: datetime | None
    expires_at: datetime


class TraceOut(BaseModel):
    """The answer after one step."""

    attempt: int
    step: int
    grid: Grid
    halt_probability: float


class StepOut(TraceOut):
    """What a stream tells of one step."""

    changed: Annotated[
        list[Annotated[list[int], Field(min_length=2, max_length=2)]],
        Field(description="Row and column, from 0, of the cells that differ from the event before; in the first, from the puzzle."),
    ]


class TimingOut(BaseModel):
    """Where the time went, in milliseconds."""

    queue_ms: float
    solve_ms: float
    total_ms: float


class SolveOut(BaseModel):
    """An answer. `verified` is what the rules say of it; null where no rule can."""

    id: str
    model: str
    model_version: str
    type: str
    status: Literal["solved", "unsolved"]
    verified: bool | None
    optimal: Annotated[bool | None, Field(description="Only in answers to mazes: whether the path is valid and none is shorter.")] = None
    solution: Grid
    steps: int
    attempts: int
    halt_reason: Literal["verified", "learned", "max_steps", "deadline"]
    halt_probability: float
    cache: Literal["hit", "miss", "coalesced", "bypass"]
    timing: TimingOut
    trace: list[TraceOut] | None = None


class FieldErrorOut(BaseModel):
    """One thing to mend."""

    pointer: Annotated[str, Field(description="RFC 6901 pointer into the body.")]
    detail: str


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldErrorOut] | None = None


class BatchOut(BaseModel):
    """What came of each puzzle, in the order in which they were sent: its answer, or the problem because of which there is none."""

    results: list[SolveOut | ProblemOut]


class ModelOut(BaseModel):
    """A served model: what it reads, its defaults and limits, its measured accuracy and the digest of its weights."""

    name: str
    version: str
    description: str
    type: str
    height: int
    width: int
    arch: dict[str, object]
    defaults: dict[str, object]
    limits: dict[str, object]
    guesses: Annotated[dict[str, object] | None, Field(description="How attempts after the first begin; null where guessing makes no sense.")]
    accuracy: list[dict[str, object]]
    sha256: str
    puzzle_ids: Annotated[list[str] | None, Field(description="The ids of the puzzles it can answer (at most 1,000 of them), where puzzles have ids.")] = None


class ModelsOut(BaseModel):
    """All served models."""

    models: list[ModelOut]


class HealthOut(BaseModel):
    """Whether the service lives or is ready, and why not."""

    status: Literal["ok", "unavailable"]
    detail: str
    workers: int
    ready: int
