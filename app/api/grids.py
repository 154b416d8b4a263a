"""Puzzles and answers as tensors, the first dimension being the puzzle. Knows the contract's grids and tensors; no HTTP, no solving.

Rows of integers are INT32, (puzzles, rows, columns); rows of text are BYTES, (puzzles, rows). Solutions that differ in size stand at the upper left of the
largest, with -1 (or empty rows) around.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from app.api.schemas import PuzzleIn, SolveOut
from app.api.tensors import Tensor
from app.errors import InvalidRequest
from app.model.store import Entry
from app.puzzles.families import FAMILIES

TEXT = {"maze"}
"""Families whose rows are text."""
OUTSIDE = -1
INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")


def inputs(entry: Entry) -> list[dict[str, object]]:
    """What a model takes, as its metadata tell it; -1 is any size."""
    family = FAMILIES[entry.manifest.puzzle.family]
    named: list[dict[str, object]] = [{"name": "puzzle_id", "datatype": "BYTES", "shape": [-1]}] if family.named else []
    return [{"name": "grid", **_form(entry)}, *named]


def outputs(entry: Entry) -> list[dict[str, object]]:
    """What a model gives."""
    puzzle = entry.manifest.puzzle
    judged = ["verified"] if FAMILIES[puzzle.family].rules(puzzle.height, puzzle.width).verifiable else []
    judged += ["optimal"] if puzzle.family == "maze" else []
    others: dict[str, object] = {
        "status": "BYTES",
        **dict.fromkeys(judged, "BOOL"),
        "steps": "INT32",
        "attempts": "INT32",
        "halt_reason": "BYTES",
        "halt_probability": "FP32",
    }
    rest: list[dict[str, object]] = [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in others.items()]
    return [{"name": "solution", **_form(entry)}, *rest]


def _form(entry: Entry) -> dict[str, object]:
    puzzle = entry.manifest.puzzle
    if puzzle.family in TEXT:
        return {"datatype": "BYTES", "shape": [-1, -1]}
    size = [puzzle.height, puzzle.width] if puzzle.family == "sudoku" else [-1, -1]
    return {"datatype": "INT32", "shape": [-1, *size]}


def puzzles(entry: Entry, tensors: Mapping[str, Tensor]) -> list[PuzzleIn]:
    """The puzzles of a request. Raises `InvalidRequest` for tensors that are not those of the metadata."""
    expected = {str(each["name"]): each for each in inputs(entry)}
    if set(tensors) != set(expected):
        raise InvalidRequest(f"the inputs of {entry.name} are {' and '.join(expected)}, not {' and '.join(sorted(tensors))[:80]}")
    for name, tensor in tensors.items():
        _check(tensor, expected[name])
    count, *shape = tensors["grid"].shape
    ids = tensors["puzzle_id"].values if "puzzle_id" in tensors else [None] * count
    if 0 in tensors["grid"].shape:
        raise InvalidRequest("there is no grid")
    if len(ids) != count:
        raise InvalidRequest(f"there are {count} grids and {len(ids)} puzzle ids")
    family = entry.manifest.puzzle.family
    return [PuzzleIn(type=family, grid=grid, puzzle_id=named) for grid, named in zip(_grids(tensors["grid"], shape), ids, strict=True)]


def _check(tensor: Tensor, expected: Mapping[str, Any]) -> None:
    allowed = INTEGERS if expected["datatype"] == "INT32" else (expected["datatype"],)
    fits = len(tensor.shape) == len(expected["shape"]) and all(most in (-1, size) for most, size in zip(expected["shape"], tensor.shape, strict=True))
    if tensor.datatype not in allowed or not fits:
        raise InvalidRequest(f"{tensor.name} is {expected['datatype']} of {expected['shape']}, not {tensor.datatype} of {list(tensor.shape)}")


def _grids(tensor: Tensor, shape: Sequence[int]) -> list[object]:
    """The grids of a tensor as the contract has them."""
    rows: list[Any] = list(tensor.values)
    for size in reversed(shape):
        rows = [rows[start : start + size] for start in range(0, len(rows), size)] if size else []
    return rows


def results(entry: Entry, answers: Sequence[SolveOut]) -> dict[str, Tensor]:
    """The answers to the puzzles of a request, by output."""
    found = {}
    for each in outputs(entry):
        name, kind = str(each["name"]), each["datatype"]
        if name == "solution":
            found[name] = solutions(answers, text=kind == "BYTES")
        else:
            found[name] = Tensor(name, kind, (len(answers),), [getattr(answer, name) for answer in answers])  # type: ignore[arg-type]  # one of ours
    return found


def solutions(answers: Sequence[SolveOut], *, text: bool) -> Tensor:
    """The solutions as one tensor."""
    grids: list[list[Any]] = [list(answer.solution) for answer in answers]  # type: ignore[call-overload]  # rows came in, so rows come out
    height = max(map(len, grids))
    if text:
        values = [row for grid in grids for row in (*grid, *[""] * (height - len(grid)))]
        return Tensor("solution", "BYTES", (len(grids), height), values)
    width = max((len(row) for grid in grids for row in grid), default=0)
    rows = chain.from_iterable((*grid, *[[]] * (height - len(grid))) for grid in grids)
    return Tensor("solution", "INT32", (len(grids), height, width), [cell for row in rows for cell in (*row, *[OUTSIDE] * (width - len(row)))])
