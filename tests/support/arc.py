"""ARC grids and tasks by hand, written independently of the code under test: canvases as text, symmetries cell by cell."""

import json
from pathlib import Path
from typing import Any

from app.model.config import TRMConfig
from tests.support.stores import put, tiny

Rows = list[list[int]]

SYMBOLS = ".|0123456789"
"""A token each, as text: pad, end mark, colours."""
NAMES = ["<blank>", "mirror", "mirror|||t1|||0213456789", "fill", "mirror|||t6|||0987654321", "fill|||t4|||0123456789"]


def canvas(*lines: str) -> bytes:
    """Tokens of a canvas drawn as text."""
    return bytes(SYMBOLS.index(symbol) for line in lines for symbol in line)


def turned(grid: Rows, dihedral: int) -> Rows:
    """The eight symmetries, by where each cell goes."""
    height, width = len(grid), len(grid[0])
    square = {
        0: lambda r, c: (r, c),
        1: lambda r, c: (width - 1 - c, r),
        2: lambda r, c: (height - 1 - r, width - 1 - c),
        3: lambda r, c: (c, height - 1 - r),
        4: lambda r, c: (r, width - 1 - c),
        5: lambda r, c: (height - 1 - r, c),
        6: lambda r, c: (c, r),
        7: lambda r, c: (width - 1 - c, height - 1 - r),
    }[dihedral]
    tall, wide = (height, width) if dihedral in (0, 2, 4, 5) else (width, height)
    result = [[0] * wide for _ in range(tall)]
    for row in range(height):
        for column in range(width):
            to = square(row, column)
            result[to[0]][to[1]] = grid[row][column]
    return result


def recoloured(grid: Rows, colours: str) -> Rows:
    return [[int(colours[colour]) for colour in row] for row in grid]


def mirror(grid: Rows) -> Rows:
    return [row[::-1] for row in grid]


def task(tests: int = 1) -> dict[str, Any]:
    """A task whose answers are the questions mirrored."""
    train = [[[1, 2, 0], [0, 3, 0]], [[4, 0], [0, 5], [6, 6]], [[7, 8, 9]]]
    test = [[[1, 0, 0], [2, 2, 0]], [[0, 8]]][:tests]
    return {part: [{"input": grid, "output": mirror(grid)} for grid in grids] for part, grids in (("train", train), ("test", test))}


def put_tasks(folder: Path, *names: str) -> Path:
    """Write a file a task."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps(task()))
    return folder


def config(side: int = 5, **changes: Any) -> TRMConfig:
    """A tiny ARC architecture that knows the puzzles of `NAMES`."""
    fields = {"num_heads": 3, "pos_encodings": "learned", "puzzle_emb_ndim": 24, "puzzle_emb_len": 1, "num_puzzle_identifiers": len(NAMES)}
    return tiny(side, vocab_size=12, mixer="attention", box_shape=None, **{**fields, **changes})


def put_arc(root: Path, name: str = "tasks", side: int = 5, names: list[str] | None = NAMES, **changes: Any) -> Path:
    """Write a folder of the store, weights made up, whose model reads ARC and knows `names`."""
    given = {"identifiers.json": json.dumps(names)} if names is not None else {}
    usual = {"puzzle": {"family": "arc", "height": side, "width": side}, "arch": config(side).to_json(), "guesses": None}
    defaults = {"defaults": {"halt": "learned", "max_steps": 4, "attempts": 2}}
    return put(root, name, files=given, **{**usual, **defaults, **changes})
